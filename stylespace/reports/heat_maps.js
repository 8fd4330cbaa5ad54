"use strict";
// Heat maps that name the entry below the pointer, and open what the page knows of it.

const TOUCHED = matchMedia("(pointer: coarse)").matches;

class HeatMap {
  constructor(map, entries, panel) {
    const { layer, picture, ends, box } = map.dataset;
    Object.assign(this, { layer, picture, entries, panel });
    this.ends = ends.split(" ").map(Number);
    this.found = entries.of(picture, layer);
    this.order = this.found.order;
    this.row = 0;
    this.column = 0;
    if (box) this.#lay(map, box.split(" "));
    this.board = this.#board(map);
    this.readout = this.#readout(map.closest("figure"));
    this.#idle();
  }

  /** Lay a map over its part of a figure that shows several. */
  #lay(map, box) {
    ["left", "top", "width", "height"].forEach((side, k) => {
      map.style[side] = `${box[k]}%`;
    });
    map.classList.add("laid");
  }

  /** Lay over the picture what takes the pointer, the focus and the keys. */
  #board(map) {
    const board = document.createElement("div");
    board.className = "board";
    board.tabIndex = 0;
    board.setAttribute("role", "application");
    board.setAttribute("aria-roledescription", "heat map");
    const { subjects } = this.entries;
    const whose = subjects.length > 1 ? ` of ${this.entries.subject(this.picture).name}` : "";
    board.setAttribute(
      "aria-label",
      `Entries of ${this.layer}${whose}: arrow keys move, Enter opens, Escape leaves`,
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
    board.addEventListener("click", (event) => {
      this.#point(event);
      this.#open();
    });
    board.addEventListener("pointerleave", () => {
      if (document.activeElement !== board) this.#idle();
    });
    board.addEventListener("focus", () => this.#show());
    board.addEventListener("blur", () => this.#idle());
    board.addEventListener("keydown", (event) => this.#press(event));
    return board;
  }

  /** Return where a figure says what is below the pointer; its maps share it. */
  #readout(figure) {
    const there = figure.querySelector(".readout");
    if (there) return there;
    const readout = document.createElement("output");
    readout.className = "readout";
    readout.setAttribute("aria-live", "polite");
    (figure.querySelector(".sheet") ?? figure.querySelector(".map")).after(readout);
    return readout;
  }

  #idle() {
    this.board.classList.remove("active");
    this.readout.textContent = TOUCHED
      ? "Tap an entry to open it."
      : "Point at an entry and click, or use Tab, the arrow keys and Enter.";
  }

  #point(event) {
    const box = this.board.getBoundingClientRect();
    const index = (share) =>
      Math.min(this.order.length - 1, Math.max(0, Math.floor(share * this.order.length)));
    this.column = index((event.clientX - box.left) / box.width);
    this.row = index((event.clientY - box.top) / box.height);
    this.#show();
  }

  #press(event) {
    if (event.altKey || event.metaKey) return;
    const last = this.order.length - 1;
    const page = Math.max(1, Math.round(this.order.length / 8));
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
    } else if (event.key === "Enter") {
      this.#open();
    } else if (event.key in moves) {
      [this.row, this.column] = moves[event.key].map((k) => Math.min(last, Math.max(0, k)));
      this.#show();
    } else {
      return;
    }
    event.preventDefault();
  }

  #open() {
    const [i, j] = [this.order[this.row], this.order[this.column]];
    this.panel.reveal({ layer: this.layer, i, j, picture: this.picture });
  }

  #show() {
    const [i, j] = [this.order[this.row], this.order[this.column]];
    this.readout.textContent = `${this.layer}  (${i}, ${j})  ${this.found.told(i, j)}`;
    this.#mark();
  }

  #mark() {
    const share = (index) => `${(100 * (index + 0.5)) / this.order.length}%`;
    this.across.style.top = share(this.row);
    this.down.style.left = share(this.column);
    this.board.classList.add("active");
    const right = this.column < this.order.length / 2;
    const below = this.row < this.order.length / 2;
    this.loupe.style.cssText =
      `${right ? "right" : "left"}: .4rem; ${below ? "bottom" : "top"}: .4rem`;
    this.#magnify();
  }

  /** Draw the 11 x 11 entries around the cursor, its own in a frame. */
  #magnify() {
    const side = this.loupe.width;
    const cell = side / 11;
    const pen = this.loupe.getContext("2d");
    pen.clearRect(0, 0, side, side);
    for (let down = 0; down < 11; down += 1) {
      for (let across = 0; across < 11; across += 1) {
        const i = this.order[this.row + down - 5];
        const j = this.order[this.column + across - 5];
        if (i === undefined || j === undefined || i === j) continue;
        pen.fillStyle = `rgb(${this.found.colour(i, j, this.ends).join(" ")})`;
        pen.fillRect(across * cell, down * cell, cell, cell);
      }
    }
    pen.lineWidth = 6;
    pen.strokeStyle = "#fff";
    pen.strokeRect(5 * cell, 5 * cell, cell, cell);
    pen.lineWidth = 3;
    pen.strokeStyle = "#000";
    pen.strokeRect(5 * cell, 5 * cell, cell, cell);
  }
}
