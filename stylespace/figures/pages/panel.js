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

/** Return a button; title: what it does, where its text does not say so. */
function buttonOf(text, act, { title, ...attributes } = {}) {
  const told = { type: "button", text, title, "aria-label": title, ...attributes };
  const button = elementOf("button", told);
  button.addEventListener("click", act);
  return button;
}

/** Return a button that copies a command: also on a page from a file, which has no clipboard. */
function copyButton(code) {
  const button = buttonOf("Copy", async () => {
    getSelection().selectAllChildren(code);
    try {
      await navigator.clipboard.writeText(code.textContent);
    } catch {
      document.execCommand("copy");
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  }, { title: "Copy the command" });
  return button;
}

/** What one thing of a view says of itself: at an address of its own, until Escape closes it. */
class SidePanel {
  /**
   * id: of the panel. label: its name for those who hear the page. address(hash): what a hash
   * opens; null where it closes the panel, undefined where it leaves it as it is.
   * show(body, what): writes the content. closed(): called when it has been closed.
   */
  constructor(id, { label, address, show, closed = () => {} }) {
    Object.assign(this, { address, show, closed });
    const told = { id, class: "side-panel", "aria-label": label, tabindex: "-1", hidden: "" };
    this.body = elementOf("div", { class: "side-panel-body", "aria-live": "polite" });
    const close = buttonOf("Close", () => this.close(), { class: "side-panel-close" });
    this.box = document.body.appendChild(elementOf("aside", told, close, this.body));
    addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !event.defaultPrevented && this.open) this.close();
    });
    addEventListener("hashchange", () => this.follow());
  }

  get open() {
    return !this.box.hidden;
  }

  /** Open what the page's address names. */
  follow() {
    let hash = "";
    try {
      hash = decodeURIComponent(location.hash.slice(1));
    } catch {
      // a % that stands for nothing: no address
    }
    const what = this.address(hash);
    if (what === null) this.#hide();
    else if (what !== undefined) this.reveal(what);
  }

  /** Show something, and keep in mind what had the focus. */
  reveal(what) {
    if (!this.open) this.before = document.activeElement;
    this.box.hidden = false;
    if (document.activeElement === document.body) this.box.focus({ preventScroll: true });
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
    if (!this.open) return;
    const inside = this.box.contains(document.activeElement);
    this.box.hidden = true;
    this.closed();
    if (inside) this.before?.focus({ preventScroll: true });
  }
}
