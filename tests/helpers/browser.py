"""A headless Chromium for tests of pages, spoken to over two pipes in its DevTools protocol.

Debian's package is enough: no driver, no port, no package of Python. One browser serves all tests.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import selectors
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
SECONDS = 30
"""Longest wait for an answer: a machine that is busy with other things is slow, not broken."""
KEYS = {
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowDown": 40,
    "PageUp": 33,
    "PageDown": 34,
    "End": 35,
    "Home": 36,
    "Escape": 27,
    "Tab": 9,
    "Enter": 13,
}
SHIFT, CONTROL = 8, 2


class BrowserError(Exception):
    """The browser does not answer, or an answer is an error."""


def chromium() -> str | None:
    """Return the path of a Chromium, or None: $STYLESPACE_CHROMIUM, or one on the path."""
    named = os.environ.get("STYLESPACE_CHROMIUM")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def browser(program: str) -> Iterator[Browser]:
    """Start a browser with an empty profile, and end it."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        flags = (
            "--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu",
            "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--hide-scrollbars", "--force-color-profile=srgb",
            f"--user-data-dir={profile}",
        )  # fmt: skip
        # The protocol's pipes are 3 (to the browser) and 4 (from it): a shell gives it ours.
        command = ["sh", "-c", 'exec "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1', "-", program]
        process = subprocess.Popen(
            [*command, *flags], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        with process:
            try:
                yield Browser(process)
            finally:
                process.kill()


class Browser:
    """What is said to the browser, and what it answers."""

    def __init__(self, process: subprocess.Popen[bytes]):
        self.process = process
        self.numbers = itertools.count(1)
        self.events: list[dict[str, Any]] = []
        self.rest = b""
        self.selector = selectors.DefaultSelector()
        self.selector.register(process.stdout, selectors.EVENT_READ)

    @contextmanager
    def open(self, address: str, **options: Any) -> Iterator[Page]:
        """Load a page in a window of its own; everything from its first request on is kept."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session)
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.call(f"{domain}.enable")
        page.window(**options)
        page.call("Page.navigate", url=address)
        page.wait("Page.loadEventFired")
        try:
            yield page
        finally:
            self.call("Target.closeTarget", targetId=target)

    def call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol and return its result."""
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        self.process.stdin.write(json.dumps(message).encode() + b"\0")
        self.process.stdin.flush()
        deadline = time.monotonic() + SECONDS
        while (answer := self.read(deadline)).get("id") != number:
            self.events.append(answer)
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def read(self, deadline: float) -> dict[str, Any]:
        """Return the next message."""
        while b"\0" not in self.rest:
            if not self.selector.select(max(0, deadline - time.monotonic())):
                raise BrowserError(f"no answer within {SECONDS} seconds")
            part = os.read(self.process.stdout.fileno(), 1 << 20)
            if not part:
                raise BrowserError("the browser has ended")
            self.rest += part
        message, _, self.rest = self.rest.partition(b"\0")
        return json.loads(message)


class Page:
    """One page in a browser."""

    def __init__(self, owner: Browser, session: str):
        self.browser, self.session = owner, session

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol for this page."""
        return self.browser.call(method, self.session, **parameters)

    def events(self, *methods: str) -> list[dict[str, Any]]:
        """Return the parameters of the page's events of these kinds, so far."""
        return [
            event["params"]
            for event in self.browser.events
            if event.get("sessionId") == self.session and event["method"] in methods
        ]

    def wait(self, method: str) -> None:
        """Wait for an event."""
        deadline = time.monotonic() + SECONDS
        while not self.events(method):
            self.browser.events.append(self.browser.read(deadline))

    def complaints(self) -> list[str]:
        """Return every exception, and every warning or error of the console."""
        thrown = [event["exceptionDetails"] for event in self.events("Runtime.exceptionThrown")]
        logged = [event["entry"] for event in self.events("Log.entryAdded")]
        called = self.events("Runtime.consoleAPICalled")
        return [json.dumps(event) for event in (*thrown, *logged, *called)]

    def requests(self) -> list[str]:
        """Return the addresses of all requests but those of data inside the page."""
        sent = [event["request"]["url"] for event in self.events("Network.requestWillBeSent")]
        return [address for address in sent if not address.startswith("data:")]

    def evaluate(self, expression: str) -> Any:
        """Return the JSON value of an expression of JavaScript."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise BrowserError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def window(
        self,
        width: int = 1280,
        height: int = 900,
        *,
        scheme: str = "light",
        media: str = "screen",
        script: bool = True,
    ) -> None:
        """Give the page a window of that many pixels, a colour scheme, a medium, JavaScript."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", media=media, features=features)
        self.call("Emulation.setScriptExecutionDisabled", value=not script)

    def point(self, x: float, y: float) -> None:
        """Move the mouse there, in pixels of the window."""
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def press(self, key: str, modifiers: int = 0) -> None:
        """Press a key and let it go."""
        for kind in ("rawKeyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent",
                type=kind, key=key, code=key, windowsVirtualKeyCode=KEYS[key], modifiers=modifiers,
            )  # fmt: skip

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """Write a PNG of the window, or of the whole page."""
        data = self.call("Page.captureScreenshot", captureBeyondViewport=whole)["data"]
        path.write_bytes(base64.b64decode(data))

    def print(self, path: Path) -> None:
        """Write the page as a PDF, as a printer would get it."""
        self.call("Emulation.setEmulatedMedia", media="print", features=[])
        data = self.call("Page.printToPDF", preferCSSPageSize=True, printBackground=False)["data"]
        path.write_bytes(base64.b64decode(data))
