/** Return an element with its class, its text and its attributes; what is undefined is left out. */
function elementOf(tag, { text, ...attributes } = {}, ...children) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/** What one thing of a view says of itself: at an address of its own, until Escape closes it. */
class SidePanel {
  /**
   * id: of the panel. label: its name for those who hear the page. address(hash): what a hash
   * opens, or null where it is no address of this panel. show(panel, what): writes the content.
   * closed(): called when it has been closed.
   */
  constructor(id, { label, address, show, closed = () => {} }) {
    Object.assign(this, { address, show, closed });
    this.box = document.body.appendChild(
      elementOf("aside", { id, class: "side-panel", "aria-label": label, tabindex: "-1", hidden: "" }),
    );
    this.body = elementOf("div", { class: "side-panel-body", "aria-live": "polite" });
    const close = elementOf("button", { type: "button", class: "side-panel-close", text: "Close" });
    close.addEventListener("click", () => this.close());
    this.box.append(close, this.body);
    addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !this.box.hidden) this.close();
    });
    addEventListener("hashchange", () => this.follow());
  }

  get open() {
    return !this.box.hidden;
  }

  /** Open what the page's address names; close where it names nothing of this panel. */
  follow() {
    const what = this.address(location.hash.slice(1));
    if (what === null) return this.#hide();
    if (this.box.hidden) this.before = document.activeElement;
    this.box.hidden = false;
    if (document.activeElement === document.body) this.box.focus({ preventScroll: true });
    this.body.replaceChildren();
    this.show(this.body, what);
    this.box.scrollTop = 0;
  }

  /** Go to an address of the panel: the first one can be left by going back, others replace it. */
  go(hash) {
    if (this.open) {
      history.replaceState(null, "", `#${hash}`);
      this.follow();
    } else {
      location.hash = hash;
    }
  }

  /** Make room for a point of a board, in its pixels: the panel goes aside, or the page scrolls. */
  beside(board, [x, y]) {
    const box = board.getBoundingClientRect();
    const { innerWidth: width, innerHeight: height } = window;
    const low = this.box.offsetWidth > width * 0.8; // a panel at the foot of a small window
    this.box.classList.toggle("left", !low && box.left + x > width / 2);
    const free = low ? height - this.box.offsetHeight : height;
    const at = box.top + y;
    if (at < 0.1 * free || at > 0.9 * free) scrollBy(0, at - free / 2);
  }

  close() {
    history.replaceState(null, "", location.pathname + location.search);
    this.#hide();
  }

  #hide() {
    if (this.box.hidden) return;
    const inside = this.box.contains(document.activeElement);
    this.box.hidden = true;
    this.closed();
    if (inside) this.before?.focus({ preventScroll: true });
  }
}
