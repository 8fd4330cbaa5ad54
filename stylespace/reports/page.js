"use strict";
// Without this script the page is whole: it only makes heat maps name their entries, wide tables
// scroll by keyboard, and the contents say where one is.

/** Return the codes of a heat map, two bytes each, little end first. */
function codesOf(text) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Uint16Array.from({ length: bytes.length / 2 }, (_, k) => view.getUint16(2 * k, true));
}

/** Return the entry that a code stands for. */
function decoded(code, { low, high, zero_code: zero }) {
  return code === zero ? 0 : 10 ** (low + ((code - 1) / 65534) * (high - low));
}

/** Return the place of an entry in the upper triangle, row by row with its diagonal. */
function place(row, column, channels) {
  const [a, b] = row < column ? [row, column] : [column, row];
  return a * channels - (a * (a - 1)) / 2 + (b - a);
}

class HeatMap {
  constructor(figure) {
    this.data = JSON.parse(figure.querySelector("script").textContent);
    this.codes = null; // decoded when somebody first asks
    this.row = 0;
    this.column = 0;
    this.image = figure.querySelector(".map img");
    this.board = this.#board(figure.querySelector(".map"));
    this.readout = this.#readout(figure.querySelector(".card"));
    this.#idle();
  }

  /** Lay over the picture what takes the pointer, the focus and the keys. */
  #board(map) {
    const board = document.createElement("div");
    board.className = "board";
    board.tabIndex = 0;
    board.setAttribute("role", "application");
    board.setAttribute("aria-roledescription", "heat map");
    board.setAttribute(
      "aria-label",
      `Entries of ${this.data.layer}: arrow keys move, Escape leaves`,
    );
    this.across = board.appendChild(document.createElement("div"));
    this.down = board.appendChild(document.createElement("div"));
    this.across.className = "line across";
    this.down.className = "line down";
    this.loupe = board.appendChild(document.createElement("canvas"));
    this.loupe.className = "loupe";
    this.loupe.width = this.loupe.height = 2 * 99; // 11 x 11 entries
    map.append(board);
    for (const kind of ["pointermove", "pointerdown"]) {
      board.addEventListener(kind, (event) => this.#point(event));
    }
    board.addEventListener("pointerleave", () => {
      if (document.activeElement !== board) this.#idle();
    });
    board.addEventListener("focus", () => this.#show());
    board.addEventListener("blur", () => this.#idle());
    board.addEventListener("keydown", (event) => this.#press(event));
    return board;
  }

  #readout(card) {
    const readout = document.createElement("output");
    readout.className = "readout";
    readout.setAttribute("aria-live", "polite");
    card.querySelector(".map").after(readout);
    return readout;
  }

  #idle() {
    this.board.classList.remove("active");
    this.readout.textContent = "Point at an entry, or use Tab and the arrow keys.";
  }

  #point(event) {
    const box = this.board.getBoundingClientRect();
    const { channels } = this.data;
    const index = (share) => Math.min(channels - 1, Math.max(0, Math.floor(share * channels)));
    this.column = index((event.clientX - box.left) / box.width);
    this.row = index((event.clientY - box.top) / box.height);
    this.#show();
  }

  #press(event) {
    if (event.altKey || event.metaKey) return;
    const last = this.data.channels - 1;
    const page = Math.max(1, Math.round(this.data.channels / 8));
    const step = event.shiftKey ? page : 1;
    const { row, column } = this;
    const whole = event.ctrlKey; // to the corners, as in a table
    const moves = {
      ArrowUp: [row - step, column],
      ArrowDown: [row + step, column],
      ArrowLeft: [row, column - step],
      ArrowRight: [row, column + step],
      PageUp: [row - page, column],
      PageDown: [row + page, column],
      Home: [whole ? 0 : row, 0],
      End: [whole ? last : row, last],
    };
    if (event.key === "Escape") {
      this.board.blur();
    } else if (event.key in moves) {
      [this.row, this.column] = moves[event.key].map((k) => Math.min(last, Math.max(0, k)));
      this.#show();
    } else {
      return;
    }
    event.preventDefault();
  }

  /** Return the entry at a row and a column of the picture. */
  entry(row, column) {
    this.codes ??= codesOf(this.data.values);
    return decoded(this.codes[place(row, column, this.data.channels)], this.data);
  }

  /** Return G_ij / sqrt(G_ii G_jj) of a row and a column; 0 where they never fire together. */
  cosine(row, column) {
    const value = this.entry(row, column);
    const [first, second] = [this.entry(row, row), this.entry(column, column)];
    return value === 0 ? 0 : value / Math.sqrt(first) / Math.sqrt(second);
  }

  #show() {
    const { row, column } = this;
    const { layer, order } = this.data;
    const value = this.entry(row, column);
    const told = row === column ? "energy" : `cosine ${this.cosine(row, column).toFixed(3)}`;
    this.readout.textContent =
      `${layer}  (${order[row]}, ${order[column]})  ${digits(value)}  ${told}`;
    this.#mark();
  }

  #mark() {
    const { row, column } = this;
    const share = (index) => `${(100 * (index + 0.5)) / this.data.channels}%`;
    this.across.style.top = share(row);
    this.down.style.left = share(column);
    this.board.classList.add("active");
    const right = column < this.data.channels / 2;
    const below = row < this.data.channels / 2;
    this.loupe.style.cssText =
      `${right ? "right" : "left"}: .4rem; ${below ? "bottom" : "top"}: .4rem`;
    this.#magnify();
  }

  /** Draw the 11 x 11 entries around the cursor, its own in a frame. */
  #magnify() {
    const side = this.loupe.width;
    const cell = side / 11;
    const pen = this.loupe.getContext("2d");
    pen.imageSmoothingEnabled = false;
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, side, side);
    pen.drawImage(this.image, this.column - 5, this.row - 5, 11, 11, 0, 0, side, side);
    pen.lineWidth = 6;
    pen.strokeStyle = "#fff";
    pen.strokeRect(5 * cell, 5 * cell, cell, cell);
    pen.lineWidth = 3;
    pen.strokeStyle = "#000";
    pen.strokeRect(5 * cell, 5 * cell, cell, cell);
  }
}

/** Let tables and figures that are wider than the page be scrolled by keyboard, under a name. */
function nameScrollers() {
  for (const box of document.querySelectorAll(".table, .sheet")) {
    if (box.scrollWidth <= box.clientWidth) continue;
    box.tabIndex = 0;
    box.setAttribute("role", "region");
    const named = box.querySelector("caption") ?? box.nextElementSibling;
    box.setAttribute("aria-label", named.textContent);
  }
}

/** Say in the contents which heading was last passed. */
function followReader() {
  const links = new Map();
  for (const link of document.querySelectorAll("nav a")) {
    links.set(document.getElementById(decodeURIComponent(link.hash.slice(1))), link);
  }
  const mark = () => {
    const passed = [...links.keys()].filter(
      (heading) => heading.getBoundingClientRect().top < 0.4 * innerHeight,
    );
    for (const [heading, link] of links) {
      if (heading === passed.at(-1)) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  };
  let waiting = false;
  addEventListener("scroll", () => {
    if (!waiting) requestAnimationFrame(() => { waiting = false; mark(); });
    waiting = true;
  }, { passive: true });
  mark();
}

for (const figure of document.querySelectorAll(".heat-map")) new HeatMap(figure);
nameScrollers();
followReader();
