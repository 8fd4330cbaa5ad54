// A view that zooms and moves what its owner draws on a canvas: by wheel, pinch, drag, keys, buttons.

/** When the page itself was last scrolled: a wheel that scrolls it goes on scrolling. */
let lastScroll = -Infinity;
addEventListener("scroll", () => { lastScroll = performance.now(); }, { passive: true });

class ZoomView {
  /**
   * board: the element that it fills. owner: what is shown, with
   *   bar: an element that takes the buttons; label: its name; width, height: in units of its own; margin {left, top, right, bottom}: pixels
   *   around it; closest: pixels a unit at most;
   *   draw(pen, view): draws it; hover(x, y): the mouse is there, or has left (null);
   *   choose(x, y): a click or a tap, in pixels of the view; step(right, down): Shift and an arrow;
   *   enter(): Enter; resized(), where it has it: the board has another size.
   */
  constructor(board, owner) {
    Object.assign(this, { board, owner, scale: 0, left: 0, top: 0, width: 0, height: 0 });
    this.pointers = new Map();
    this.canvas = board.appendChild(document.createElement("canvas"));
    this.pen = this.canvas.getContext("2d");
    board.tabIndex = 0;
    for (const [name, value] of [
      ["role", "application"],
      ["aria-roledescription", "map that zooms"],
      ["aria-label", owner.label],
    ]) board.setAttribute(name, value);
    this.#buttons();
    this.#listen();
    new ResizeObserver(() => this.#resize()).observe(board);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.redraw());
    this.#resize();
  }

  /** Pixels a unit where all is seen. */
  get whole() {
    const { width, height, margin } = this.owner;
    return Math.min(
      Math.max(1, this.width - margin.left - margin.right) / width,
      Math.max(1, this.height - margin.top - margin.bottom) / height,
    );
  }

  get zoomed() {
    return this.scale > this.whole * 1.0001;
  }

  /** Return the pixel where a point of what is shown lies. */
  place(x, y) {
    return [this.left + x * this.scale, this.top + y * this.scale];
  }

  /** Return the point that lies under a pixel. */
  under(x, y) {
    return [(x - this.left) / this.scale, (y - this.top) / this.scale];
  }

  /** Zoom; the point under a pixel, by default the middle, stays where it is. */
  zoom(factor, x = this.width / 2, y = this.height / 2) {
    if (!this.scale) return; // not laid out yet
    const closest = Math.max(this.owner.closest, this.whole);
    const scale = Math.min(closest, Math.max(this.whole, this.scale * factor));
    this.left = x - ((x - this.left) * scale) / this.scale;
    this.top = y - ((y - this.top) * scale) / this.scale;
    this.scale = scale;
    this.#settle();
  }

  move(right, down) {
    this.left += right;
    this.top += down;
    this.#settle();
  }

  /** Show all. */
  reset() {
    this.scale = this.whole;
    this.#settle();
  }

  /** Move as little as is needed for a point to be at least `inner` pixels inside. */
  reveal(x, y, inner = 60) {
    const { margin } = this.owner;
    const [across, down] = this.place(x, y);
    const into = (value, low, high) => Math.max(low - value, 0) + Math.min(high - value, 0);
    this.move(
      into(across, margin.left + inner, this.width - margin.right - inner),
      into(down, margin.top + inner, this.height - margin.bottom - inner),
    );
  }

  redraw() {
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = null;
      this.paint();
    });
  }

  /** Draw now. */
  paint() {
    const ratio = devicePixelRatio || 1;
    this.pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.pen.clearRect(0, 0, this.width, this.height);
    this.owner.draw(this.pen, this);
  }

  /** Keep the middle of the view on what is shown, and all of it in the middle where all is seen. */
  #settle() {
    const { width, height, margin } = this.owner;
    const kept = (start, size, low, high) => {
      const middle = (low + high) / 2;
      if (!this.zoomed) return middle - (size * this.scale) / 2;
      return Math.min(middle, Math.max(middle - size * this.scale, start));
    };
    this.left = kept(this.left, width, margin.left, this.width - margin.right);
    this.top = kept(this.top, height, margin.top, this.height - margin.bottom);
    this.board.classList.toggle("zoomed", this.zoomed);
    this.redraw();
  }

  #resize() {
    const { clientWidth: width, clientHeight: height } = this.board;
    if (!width || !height) return;
    const all = !this.scale || !this.zoomed;
    const middle = this.under(this.width / 2, this.height / 2);
    Object.assign(this, { width, height });
    const ratio = devicePixelRatio || 1;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    if (all) return this.reset();
    this.left = width / 2 - middle[0] * this.scale;
    this.top = height / 2 - middle[1] * this.scale;
    this.zoom(1);
    this.owner.resized?.();
  }

  #buttons() {
    const bar = this.owner.bar.appendChild(elementOf("div", { class: "zoom-buttons" }));
    for (const [sign, name, act] of [
      ["+", "Zoom in", () => this.zoom(1.6)],
      ["−", "Zoom out", () => this.zoom(1 / 1.6)],
      ["⤢", "Show all", () => this.reset()],
    ]) {
      const button = elementOf("button", { type: "button", text: sign, title: name, "aria-label": name });
      button.addEventListener("click", act);
      bar.append(button);
    }
  }

  #listen() {
    const { board } = this;
    board.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    board.addEventListener("pointerdown", (event) => this.#press(event));
    board.addEventListener("pointermove", (event) => this.#drag(event));
    board.addEventListener("pointerup", (event) => this.#lift(event));
    board.addEventListener("pointercancel", (event) => this.pointers.delete(event.pointerId));
    board.addEventListener("pointerleave", () => this.owner.hover(null));
    board.addEventListener("keydown", (event) => this.#key(event));
    board.addEventListener("touchstart", (event) => {
      if (event.touches.length > 1) event.preventDefault(); // two fingers zoom this, not the page
    }, { passive: false });
    for (const kind of ["focus", "blur"]) board.addEventListener(kind, () => this.redraw());
  }

  #at(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  /** Zoom by the wheel; where all is seen and it asks for more, the page scrolls. */
  #wheel(event) {
    const out = event.deltaY > 0;
    const scrolling = performance.now() - lastScroll < 200 && !event.ctrlKey;
    if (!event.deltaY || scrolling || (out && !this.zoomed && !event.ctrlKey)) return;
    event.preventDefault();
    const pixels = event.deltaY * [1, 16, 400][event.deltaMode];
    const speed = event.ctrlKey ? 0.01 : 0.002;
    this.zoom(Math.exp(-speed * Math.max(-400, Math.min(400, pixels))), ...this.#at(event));
  }

  #press(event) {
    if (event.button !== 0) return;
    if (this.pointers.size === 0) this.travelled = 0;
    this.pointers.set(event.pointerId, this.#at(event));
    this.board.setPointerCapture(event.pointerId);
    if (this.pointers.size > 1) this.travelled = Infinity; // a pinch is no click
  }

  #drag(event) {
    const now = this.#at(event);
    const before = this.pointers.get(event.pointerId);
    if (!before) return this.owner.hover(...now);
    const others = [...this.pointers].filter(([id]) => id !== event.pointerId);
    this.pointers.set(event.pointerId, now);
    if (others.length) return this.#pinch(others[0][1], before, now);
    this.travelled += Math.hypot(now[0] - before[0], now[1] - before[1]);
    if (this.travelled > this.#slack(event) && this.zoomed) {
      this.board.classList.add("dragged");
      this.move(now[0] - before[0], now[1] - before[1]);
    }
  }

  /** Follow one of two fingers, the other of which rests. */
  #pinch(rest, before, now) {
    const middle = (one) => [(one[0] + rest[0]) / 2, (one[1] + rest[1]) / 2];
    const apart = (one) => Math.max(8, Math.hypot(one[0] - rest[0], one[1] - rest[1]));
    const [from, to] = [middle(before), middle(now)];
    this.zoom(apart(now) / apart(before), ...from);
    this.move(to[0] - from[0], to[1] - from[1]);
  }

  #lift(event) {
    const clicked = this.pointers.delete(event.pointerId) && !this.pointers.size;
    this.board.classList.remove("dragged");
    if (clicked && this.travelled <= this.#slack(event)) this.owner.choose(...this.#at(event));
  }

  /** Return how many pixels a click may move: fingers tremble. */
  #slack(event) {
    return event.pointerType === "mouse" ? 4 : 12;
  }

  #key(event) {
    if (event.altKey || event.metaKey || event.ctrlKey) return;
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const way = ways[event.key];
    const far = Math.min(this.width, this.height) / 6;
    if (way && event.shiftKey) this.owner.step(...way);
    else if (way && this.zoomed) this.move(-far * way[0], -far * way[1]);
    else if (event.key === "+" || event.key === "=") this.zoom(1.6);
    else if (event.key === "-" || event.key === "_") this.zoom(1 / 1.6);
    else if (event.key === "0") this.reset();
    else if (event.key === "Enter") this.owner.enter();
    else return;
    event.preventDefault();
  }
}
