"""What hands do on a page in a browser: the mouse, the wheel, fingers and keys, and patience."""

import time


def settled(shown, ready="true"):
    """Wait until an expression holds and a frame has passed; then as long as a wheel scrolls."""
    deadline = time.monotonic() + 10
    while not shown.evaluate(ready) and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.25)


def click(shown, x, y):
    for kind in ("mousePressed", "mouseReleased"):
        mouse(shown, kind, x, y, button="left", clickCount=1)


def mouse(shown, kind, x, y, **more):
    shown.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)


def drag(shown, x, y, right, down):
    mouse(shown, "mousePressed", x, y, button="left", clickCount=1)
    for share in (0.3, 0.7, 1):
        at = (x + right * share, y + down * share)
        mouse(shown, "mouseMoved", *at, button="left", buttons=1)
    mouse(shown, "mouseReleased", x + right, y + down, button="left", clickCount=1)


def wheel(shown, x, y, turn):
    mouse(shown, "mouseWheel", x, y, deltaX=0, deltaY=turn)


def tap(shown, x, y):
    shown.call("Emulation.setTouchEmulationEnabled", enabled=True, maxTouchPoints=2)
    _touch(shown, "touchStart", (x, y))
    _touch(shown, "touchEnd")


def pinch(shown, x, y, start, end):
    """Put two fingers down, each `start` pixels from the middle, and draw them to `end`."""
    shown.call("Emulation.setTouchEmulationEnabled", enabled=True, maxTouchPoints=2)
    _touch(shown, "touchStart", (x - start, y), (x + start, y))
    for share in (0.25, 0.5, 1):
        apart = start + share * (end - start)
        _touch(shown, "touchMove", (x - apart, y), (x + apart, y))
    _touch(shown, "touchEnd")


def _touch(shown, kind, *points):
    points = [{"x": x, "y": y, "id": k} for k, (x, y) in enumerate(points)]
    shown.call("Input.dispatchTouchEvent", type=kind, touchPoints=points)


def press(shown, key, *, shift=False):
    for kind in ("rawKeyDown", "keyUp"):
        shown.call("Input.dispatchKeyEvent", type=kind, key=key, modifiers=8 if shift else 0)
