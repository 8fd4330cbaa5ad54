// An atlas: cells under their channels, from an overview inside the page and sheets beside it.

const SHEETS_AT_ONCE = 6; // in memory: a sheet of 64 x 64 cells takes 40 MB

class AtlasMap {
  constructor(page) {
    this.data = JSON.parse(page.getElementById("atlas").textContent);
    const { rows, columns, side, layer, figures } = this.data;
    this.figures = Object.fromEntries(
      Object.entries(figures).map(([name, codes]) => [name, numbersOf(codes)]),
    );
    this.overview = page.querySelector(".overview");
    this.readout = page.querySelector(".readout");
    this.sheets = new Map();
    this.marked = this.opened = null;
    Object.assign(this, {
      bar: page.querySelector(".bar"),
      label: `Atlas of ${layer}: arrow keys move, plus and minus zoom, `
        + "Shift and an arrow go to the next cell, Enter opens it",
      width: columns[1] - columns[0] + 1,
      height: rows[1] - rows[0] + 1,
      margin: { left: 44, top: 28, right: 12, bottom: 12 },
      closest: 8 * side,
    });
    page.body.classList.add("viewed");
    const board = page.querySelector(".zoom");
    board.hidden = false;
    this.view = new ZoomView(board, this);
    this.panel = new SidePanel("entry-panel", {
      label: "Entry",
      address: (hash) => this.#named(hash),
      show: (panel, cell) => this.#show(panel, cell),
      closed: () => { this.opened = null; this.mark(null); },
    });
    this.mark(null);
    this.overview.decode().then(() => this.view.redraw());
    this.panel.follow();
    if (this.panel.open) this.#approach();
  }

  /** Return the cell {row, column} that an address names, or its mirror image, or null. */
  #named(hash) {
    const { layer } = this.data;
    const found = /^(\d{1,6}),(\d{1,6})$/.exec(hash.slice(layer.length + 1));
    if (!hash.startsWith(`${layer}/`) || !found) return null;
    const [i, j] = found.slice(1).map(Number);
    return this.cell(i, j) ?? this.cell(j, i);
  }

  /** Return the cell of an entry, or null outside of the block. */
  cell(i, j) {
    const { rows, columns } = this.data;
    const inside = i >= rows[0] && i <= rows[1] && j >= columns[0] && j <= columns[1];
    return inside ? { row: i - rows[0], column: j - columns[0] } : null;
  }

  entry({ row, column }) {
    return [this.data.rows[0] + row, this.data.columns[0] + column];
  }

  /** Return a figure of a cell; NaN where it is not done. */
  figure(name, { row, column }) {
    return this.figures[name][row * this.width + column];
  }

  /** Return the cell under a pixel, or null. */
  at(x, y) {
    const { margin } = this;
    if (x < margin.left || y < margin.top) return null; // the channels' numbers
    const [column, row] = this.view.under(x, y).map(Math.floor);
    const inside = row >= 0 && row < this.height && column >= 0 && column < this.width;
    return inside ? { row, column } : null;
  }

  draw(pen, view) {
    const { margin } = this;
    pen.save();
    pen.beginPath();
    pen.rect(margin.left, margin.top, view.width, view.height);
    pen.clip();
    this.#cells(pen, view);
    for (const [cell, colour] of [[this.opened, "#ffd54a"], [this.marked, "#ffffff"]]) {
      if (cell) this.#frame(pen, view, cell, colour);
    }
    pen.restore();
    this.#channels(pen, view);
  }

  #cells(pen, view) {
    const { cell, sheets } = this.data;
    if (!this.overview.complete) return;
    pen.imageSmoothingEnabled = view.scale < cell;
    pen.imageSmoothingQuality = "medium";
    const all = { row: 0, column: 0, rows: this.height, columns: this.width, x: 0, y: 0 };
    this.#part(pen, view, this.overview, all, cell);
    if (view.scale <= cell) return; // the overview shows as much
    for (const sheet of sheets) {
      const [left, top] = view.place(sheet.column, sheet.row);
      const [right, bottom] = view.place(sheet.column + sheet.columns, sheet.row + sheet.rows);
      if (right < 0 || bottom < 0 || left > view.width || top > view.height) continue;
      const image = this.loaded(sheet, () => view.redraw());
      pen.imageSmoothingEnabled = view.scale < this.data.pitch;
      if (image) this.#part(pen, view, image, sheet, this.data.pitch);
    }
  }

  /** Draw what is seen of a picture of cells; pitch: pixels from one to the next. */
  #part(pen, view, image, { row, column, rows, columns, x, y }, pitch) {
    const [left, top] = view.under(0, 0);
    const [right, bottom] = view.under(view.width, view.height);
    const first = [Math.max(column, Math.floor(left)), Math.max(row, Math.floor(top))];
    const end = [Math.min(column + columns, Math.ceil(right)), Math.min(row + rows, Math.ceil(bottom))];
    const [across, down] = [end[0] - first[0], end[1] - first[1]];
    if (across <= 0 || down <= 0) return;
    pen.drawImage(
      image,
      x + (first[0] - column) * pitch, y + (first[1] - row) * pitch, across * pitch, down * pitch,
      ...view.place(...first), across * view.scale, down * view.scale,
    );
  }

  /** Return the picture of a sheet, or null until it has come: then `done` is called. */
  loaded(sheet, done) {
    const found = this.sheets.get(sheet.file);
    this.sheets.delete(sheet.file);
    const image = found ?? Object.assign(new Image(), { src: `./${encodeURIComponent(sheet.file)}` });
    this.sheets.set(sheet.file, image); // the last one used is the last one to go
    if (this.sheets.size > SHEETS_AT_ONCE) this.sheets.delete(this.sheets.keys().next().value);
    if (image.complete) return image.naturalWidth ? image : null;
    image.decode().then(done, () => {}); // a page that was sent alone has its overview
    return null;
  }

  #frame(pen, view, { row, column }, colour) {
    const [left, top] = view.place(column, row);
    const around = Math.max(0, 4 - view.scale / 2); // small cells are framed from outside
    const side = view.scale + 2 * around;
    for (const [width, stroke] of [[5, "#000000"], [2.5, colour]]) {
      pen.lineWidth = width;
      pen.strokeStyle = stroke;
      pen.strokeRect(left - around, top - around, side, side);
    }
  }

  /** Write the numbers of the channels at the upper and the left edge, as many as fit. */
  #channels(pen, view) {
    const { rows, columns } = this.data;
    const { margin } = this;
    const style = getComputedStyle(view.board);
    pen.font = `12px ${style.fontFamily}`;
    pen.textBaseline = "middle";
    const seen = this.marked ?? this.opened;
    const write = (count, first, room, marked, place, put) => {
      const every = [1, 2, 4, 8, 16, 32, 64, 128, 256].find((n) => n * view.scale >= room) ?? 512;
      for (let k = 0; k < count; k += 1) {
        const own = k === marked;
        const near = marked !== undefined && Math.abs(k - marked) * view.scale < room;
        if (!own && ((first + k) % every || near)) continue;
        pen.fillStyle = own ? "#ffd54a" : style.color;
        put(String(first + k), place(k + 0.5));
      }
    };
    const [left, top] = view.place(0, 0); // beside the cells, or at the edge where they go beyond it
    pen.textAlign = "center";
    write(this.width, columns[0], 30, seen?.column, (k) => view.place(k, 0)[0], (text, x) => {
      if (x >= margin.left) pen.fillText(text, x, Math.max(margin.top, top) - margin.top / 2);
    });
    pen.textAlign = "right";
    write(this.height, rows[0], 18, seen?.row, (k) => view.place(0, k)[1], (text, y) => {
      if (y >= margin.top) pen.fillText(text, Math.max(margin.left, left) - 8, y);
    });
  }

  mark(cell) {
    this.marked = cell;
    this.view.board.classList.toggle("found", cell !== null);
    this.view.redraw();
    const shown = cell ?? this.opened;
    this.readout.textContent = shown ? this.#told(shown)
      : "Point at a cell or tap one. Wheel, pinch, + and − zoom; dragging and arrow keys move; "
        + "a click or Enter opens a cell, Shift and an arrow go to the next.";
  }

  #told(cell) {
    const [i, j] = this.entry(cell);
    const value = this.figure("value", cell);
    const name = `${this.data.layer}  (${i}, ${j})  `;
    if (Number.isNaN(value)) return `${name}not done yet`;
    if (value === 0) return `${name}not reached: the two channels never fired together`;
    const cosine = i === j ? "energy" : `cosine ${this.figure("cosine", cell).toFixed(3)}`;
    return `${name}${digits(value)}  ${cosine}  selectivity ${digits(this.figure("selectivity", cell))}`;
  }

  hover(x, y) {
    this.mark(x === null ? null : this.at(x, y));
  }

  choose(x, y) {
    const cell = this.at(x, y);
    if (cell) this.open(cell);
  }

  /** Open a cell's panel, beside the cell. */
  open(cell) {
    this.panel.go(`${this.data.layer}/${this.entry(cell).join(",")}`);
    this.panel.follow();
    this.panel.beside(this.view.board, this.#middle(cell));
  }

  #middle({ row, column }) {
    return this.view.place(column + 0.5, row + 0.5);
  }

  /** Return the cell in the middle of the view. */
  #amid() {
    const { width, height } = this.view;
    const [column, row] = this.view.under(width / 2, height / 2).map(Math.floor);
    return this.#kept(row, column);
  }

  #kept(row, column) {
    const into = (k, count) => Math.min(count - 1, Math.max(0, k));
    return { row: into(row, this.height), column: into(column, this.width) };
  }

  step(right, down) {
    const { row, column } = this.marked ?? this.opened ?? this.#amid();
    const next = this.#kept(row + down, column + right);
    this.view.reveal(next.column + 0.5, next.row + 0.5);
    if (this.panel.open) this.open(next);
    else this.mark(next);
  }

  /** Keep the open cell in sight when the window or the room beside the panel changes. */
  resized() {
    if (this.opened) this.view.reveal(this.opened.column + 0.5, this.opened.row + 0.5, 30);
  }

  enter() {
    this.open(this.marked ?? this.#amid());
  }

  /** Come close to what the page was opened at. */
  #approach() {
    if (this.view.scale < 24) this.view.zoom(24 / this.view.scale, ...this.#middle(this.opened));
    this.panel.beside(this.view.board, this.#middle(this.opened));
  }

  #show(panel, cell) {
    this.opened = cell;
    this.mark(null);
    this.view.reveal(cell.column + 0.5, cell.row + 0.5);
    const [i, j] = this.entry(cell);
    const code = elementOf("code", { text: `${this.data.command} --entry ${i},${j}` });
    panel.replaceChildren(
      elementOf("h2", { text: `${this.data.layer} (${i}, ${j})` }),
      this.#enlarged(cell),
      this.#figures(cell, i, j),
      elementOf("p", { text: "The full probe of this entry:" }),
      code,
      elementOf("p", {}, copyButton(code)),
      this.#steps(),
    );
  }

  /** Return a cell, large and crisp: from the overview until its sheet has come. */
  #enlarged(cell) {
    const canvas = document.createElement("canvas");
    const { side, pitch, gap, sheets } = this.data;
    canvas.width = canvas.height = side;
    canvas.style.width = `${side * Math.max(1, Math.round(240 / side))}px`;
    const pen = canvas.getContext("2d");
    const inner = (image, x, y, unit) => {
      const [skipped, taken] = [(unit * gap) / pitch / 2, (unit * side) / pitch];
      pen.drawImage(image, x + skipped, y + skipped, taken, taken, 0, 0, side, side);
    };
    const draw = () => {
      const { row, column } = cell;
      const sheet = sheets.find((one) => row >= one.row && row < one.row + one.rows
        && column >= one.column && column < one.column + one.columns);
      const image = this.loaded(sheet, draw);
      const [x, y] = [sheet.x + (column - sheet.column) * pitch, sheet.y + (row - sheet.row) * pitch];
      if (image) inner(image, x, y, pitch);
      else inner(this.overview, column * this.data.cell, row * this.data.cell, this.data.cell);
    };
    this.overview.decode().then(draw);
    return canvas;
  }

  #figures(cell, i, j) {
    const value = this.figure("value", cell);
    if (Number.isNaN(value)) return elementOf("p", { text: "This entry is not done yet." });
    if (value === 0) return elementOf("p", { text: "Not reached: the two channels never fired together." });
    const full = this.data.full[`${Math.min(i, j)},${Math.max(i, j)}`];
    const rows = [
      [i === j ? "Value (energy)" : "Value G(i, j)", digits(value)],
      i === j ? null : ["Cosine", this.figure("cosine", cell).toFixed(3)],
      ["Selectivity", digits(this.figure("selectivity", cell))],
      ["Saturated", digits(this.figure("saturated", cell))],
      full === undefined ? null : ["Value of a full probe", digits(full)],
    ];
    const list = document.createElement("dl");
    for (const [name, text] of rows.filter(Boolean)) {
      list.append(elementOf("div", {}, elementOf("dt", { text: name }), elementOf("dd", { text })));
    }
    return list;
  }

  #steps() {
    const steps = elementOf("div", { class: "steps" });
    for (const [sign, name, right, down] of [
      ["←", "Channel to the left", -1, 0], ["→", "Channel to the right", 1, 0],
      ["↑", "Channel above", 0, -1], ["↓", "Channel below", 0, 1],
    ]) {
      steps.append(buttonOf(sign, () => this.step(right, down), { title: name }));
    }
    return steps;
  }
}

const atlasMap = new AtlasMap(document);
