// The map of a collection: thumbnails where their styles lie, and a panel for each picture.

class PictureMap {
  constructor(figure) {
    this.data = JSON.parse(figure.querySelector("script").textContent);
    this.sheet = figure.querySelector(".sheet-of-pictures");
    this.count = this.data.points.length / 2;
    this.places = new Map(this.data.names.slice(0, this.count).map((name, k) => [name, k]).reverse());
    this.marked = this.opened = null;
    this.#size();
    figure.hidden = false;
    figure.closest("section").classList.add("mapped");
    this.bar = elementOf("div", { class: "picture-bar" }, this.#search());
    figure.prepend(this.bar);
    const board = figure.querySelector(".zoom");
    board.style.aspectRatio = Math.min(2, Math.max(0.8, this.width / this.height));
    this.view = new ZoomView(board, this);
    this.panel = new SidePanel("picture-panel", {
      label: "Picture",
      address: (hash) => this.#named(hash),
      show: (panel, k) => this.#show(panel, k),
      closed: () => this.mark((this.opened = null)),
    });
    this.sheet.decode().then(() => this.#ready(figure));
  }

  /** Say how large the map is, in units of its own: thumbnails are drawn around their points. */
  #size() {
    const { points, cell } = this.data;
    const farthest = (axis) => Math.max(1e-3, ...points.filter((_, k) => k % 2 === axis));
    const room = cell / 2 + 6;
    Object.assign(this, {
      label: `Map of ${this.count} pictures by style: arrow keys move, plus and minus zoom, `
        + "Shift and an arrow go to the next picture that way, Enter opens it",
      width: farthest(0),
      height: farthest(1),
      margin: { left: room, top: room, right: room, bottom: room + 10 },
      closest: 60_000,
    });
  }

  #ready(figure) {
    this.half = document.createElement("canvas"); // for small thumbnails: smoother than by skipping
    this.half.width = this.sheet.naturalWidth / 2;
    this.half.height = this.sheet.naturalHeight / 2;
    const pen = this.half.getContext("2d");
    pen.imageSmoothingQuality = "high";
    pen.drawImage(this.sheet, 0, 0, this.half.width, this.half.height);
    this.view.redraw();
    this.#picturesInTable();
    this.panel.follow();
    if (this.panel.open) this.panel.beside(this.view.board, this.view.place(...this.point(this.opened)));
  }

  #search() {
    const list = document.createElement("datalist");
    list.id = "picture-names";
    list.append(...[...this.places.keys()].reverse().map((name) => elementOf("option", { value: name })));
    const field = elementOf("input", { type: "search", list: list.id, placeholder: "name" });
    field.addEventListener("change", () => {
      const k = this.places.get(field.value);
      if (k !== undefined) this.open(k);
    });
    return elementOf("label", { text: "Find a picture" }, field, list);
  }

  /** Return the picture that an address names, or null. */
  #named(hash) {
    if (!hash.startsWith("picture/")) return null;
    return this.places.get(hash.slice("picture/".length)) ?? null;
  }

  address(k) {
    return `picture/${encodeURIComponent(this.data.names[k])}`;
  }

  open(k) {
    this.panel.go(this.address(k));
  }

  point(k) {
    return [this.data.points[2 * k], this.data.points[2 * k + 1]];
  }

  /** Return the pixels of a thumbnail's longer side: many begin small and grow as they spread. */
  side(view) {
    const { cell } = this.data;
    const room = Math.sqrt((0.3 * view.width * view.height) / this.count);
    return Math.min(cell, Math.max(22, room) * Math.sqrt(view.scale / view.whole));
  }

  /** Return the pixels {left, top, width, height} of a thumbnail. */
  box(k, view, side = this.side(view)) {
    const [x, y] = view.place(...this.point(k));
    const width = (this.data.sizes[2 * k] * side) / this.data.cell;
    const height = (this.data.sizes[2 * k + 1] * side) / this.data.cell;
    return { left: x - width / 2, top: y - height / 2, width, height };
  }

  draw(pen, view) {
    const style = getComputedStyle(view.board);
    this.colours = Object.fromEntries(
      ["ground", "ink", "quiet", "accent"].map((name) => [name, style.getPropertyValue(`--${name}`)]),
    );
    const side = this.side(view);
    pen.strokeStyle = this.colours.ground;
    pen.lineWidth = 1;
    for (let k = 0; k < this.count; k += 1) this.#thumbnail(pen, k, this.box(k, view, side), view);
    if (this.opened !== null) this.#neighbourhood(pen, view, side);
    const shown = this.marked ?? this.opened;
    if (shown !== null) this.#name(pen, shown, view, side);
  }

  #thumbnail(pen, k, { left, top, width, height }, view) {
    if (left > view.width || top > view.height || left + width < 0 || top + height < 0) return;
    if (!this.half) return; // the thumbnails are not there yet
    const small = width <= this.data.sizes[2 * k] / 2;
    const part = this.#part(k).map((pixels) => (small ? pixels / 2 : pixels));
    pen.drawImage(small ? this.half : this.sheet, ...part, left, top, width, height);
    pen.strokeRect(left, top, width, height);
  }

  /** Return where a thumbnail lies on the sheet: left, top, width, height. */
  #part(k) {
    const { across, cell, sizes } = this.data;
    return [(k % across) * cell, Math.floor(k / across) * cell, sizes[2 * k], sizes[2 * k + 1]];
  }

  /** Lead lines from the open picture to its nearest neighbours. */
  #neighbourhood(pen, view, side) {
    const near = this.data.neighbours[this.opened].map(([k]) => k).filter((k) => k < this.count);
    pen.strokeStyle = this.colours.accent;
    pen.lineWidth = 2;
    pen.beginPath();
    for (const k of near) {
      pen.moveTo(...view.place(...this.point(this.opened)));
      pen.lineTo(...view.place(...this.point(k)));
    }
    pen.stroke();
    for (const k of [...near, this.opened]) {
      const box = this.box(k, view, side);
      this.#thumbnail(pen, k, box, view);
      pen.strokeRect(box.left, box.top, box.width, box.height);
    }
  }

  /** Draw a picture above all others, in a frame, over its name. */
  #name(pen, k, view, side) {
    const box = this.box(k, view, side);
    const text = this.data.names[k];
    this.#thumbnail(pen, k, box, view);
    pen.strokeStyle = this.colours.accent;
    pen.lineWidth = 3;
    pen.strokeRect(box.left, box.top, box.width, box.height);
    pen.font = `14px ${getComputedStyle(view.board).fontFamily}`;
    pen.textBaseline = "middle";
    const wide = Math.min(pen.measureText(text).width, view.width - 16);
    const left = Math.max(4, Math.min(view.width - wide - 12, box.left + (box.width - wide - 8) / 2));
    const below = box.top + box.height + 4;
    const top = below + 22 < view.height ? below : box.top - 26;
    pen.fillStyle = this.colours.ink;
    pen.fillRect(left, top, wide + 8, 22);
    pen.fillStyle = this.colours.ground;
    pen.fillText(text, left + 4, top + 11, wide);
  }

  /** Return the uppermost picture under a pixel, or null. */
  hit(x, y) {
    const { view } = this;
    const side = this.side(view);
    const inside = (k) => {
      const { left, top, width, height } = this.box(k, view, side);
      return x >= left && x <= left + width && y >= top && y <= top + height;
    };
    if (this.marked !== null && inside(this.marked)) return this.marked;
    for (let k = this.count - 1; k >= 0; k -= 1) if (inside(k)) return k;
    return null;
  }

  mark(k) {
    if (k !== this.marked) this.view.redraw();
    this.marked = k;
    this.view.board.classList.toggle("found", k !== null);
  }

  hover(x, y) {
    this.mark(x === null ? null : this.hit(x, y));
  }

  choose(x, y) {
    const k = this.hit(x, y);
    if (k !== null) this.openHere(k);
  }

  /** Open a picture's panel, and keep the picture in sight. */
  openHere(k) {
    this.open(k);
    this.panel.follow();
    this.panel.beside(this.view.board, this.view.place(...this.point(k)));
  }

  /** Go to the nearest picture to the right, the left, above or below. */
  step(right, down) {
    const from = this.marked ?? this.opened ?? this.middle();
    const [x, y] = this.point(from);
    let [best, least] = [null, Infinity];
    for (let k = 0; k < this.count; k += 1) {
      const [dx, dy] = [this.point(k)[0] - x, this.point(k)[1] - y];
      const along = dx * right + dy * down;
      const aside = Math.abs(dx * down) + Math.abs(dy * right);
      if (k !== from && along > 0 && along >= aside && Math.hypot(dx, dy) < least) {
        [best, least] = [k, Math.hypot(dx, dy)];
      }
    }
    if (best === null) return;
    this.mark(best);
    this.view.reveal(...this.point(best));
    if (this.panel.open) this.openHere(best);
  }

  enter() {
    this.openHere(this.marked ?? this.middle());
  }

  /** Return the picture that is nearest to the middle of the view. */
  middle() {
    const [x, y] = this.view.under(this.view.width / 2, this.view.height / 2);
    const far = (k) => Math.hypot(this.point(k)[0] - x, this.point(k)[1] - y);
    return [...Array(this.count).keys()].reduce((a, b) => (far(b) < far(a) ? b : a));
  }

  #show(panel, k) {
    this.opened = k;
    this.marked = null;
    this.view.reveal(...this.point(k));
    this.view.redraw();
    const near = elementOf("ul", { class: "neighbours" });
    near.append(...this.data.neighbours[k].map(([other, far]) => this.#neighbour(other, far)));
    const steps = elementOf("div", { class: "steps" });
    for (const [text, way] of [["Previous", -1], ["Next", 1]]) {
      steps.append(buttonOf(text, () => this.openHere((k + way + this.count) % this.count)));
    }
    panel.replaceChildren(
      elementOf("h2", { text: this.data.names[k] }),
      this.#large(k),
      elementOf("p", { text: "Nearest by style, with the distance:" }),
      near,
      elementOf("p", {}, steps),
    );
  }

  #large(k) {
    if (!this.data.larger.length) return this.thumbnail(k, 3 * this.data.cell);
    return elementOf("img", { class: "large", src: this.data.larger[k], alt: "" });
  }

  #neighbour(k, far) {
    const name = elementOf("span", { class: "name", text: this.data.names[k] });
    const distance = elementOf("span", { class: "distance", text: digits(far) });
    if (k >= this.count) return elementOf("li", {}, name, " (not on this map) ", distance);
    const link = elementOf("a", { href: `#${this.address(k)}` }, this.miniature(k, 48), name, distance);
    return elementOf("li", {}, link);
  }

  /** Return a picture's thumbnail as an element, its longer side that many pixels. */
  thumbnail(k, side) {
    const ratio = devicePixelRatio || 1;
    const [, , width, height] = this.#part(k).map((pixels) => (pixels * side) / this.data.cell);
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, width * ratio);
    canvas.height = Math.max(1, height * ratio);
    canvas.style.width = `${width}px`;
    const pen = canvas.getContext("2d");
    pen.imageSmoothingQuality = "high";
    pen.drawImage(this.sheet, ...this.#part(k), 0, 0, canvas.width, canvas.height);
    return canvas;
  }

  /** Return a thumbnail in a square that all have, so that the names beside them stand in line. */
  miniature(k, side) {
    return elementOf("span", { class: "miniature" }, this.thumbnail(k, side));
  }

  /** Let the names in the table of nearest neighbours show their pictures and open them. */
  #picturesInTable() {
    const section = document.getElementById(this.data.table)?.closest("section");
    for (const row of section?.querySelectorAll("tbody tr") ?? []) {
      const k = this.places.get(row.cells[0].textContent);
      if (k === undefined) continue;
      const shown = [k, ...this.data.neighbours[k].map(([other]) => other)];
      [...row.cells].forEach((cell, place) => {
        if (shown[place] >= this.count) return;
        const name = elementOf("span", { class: "name", text: cell.textContent });
        const href = `#${this.address(shown[place])}`;
        cell.replaceChildren(
          elementOf("a", { class: "pictured", href }, this.miniature(shown[place], 40), name),
        );
      });
    }
  }
}

const pictureMaps = [...document.querySelectorAll(".picture-map")].map((one) => new PictureMap(one));
