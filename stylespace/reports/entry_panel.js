"use strict";
// The panel of one entry: its numbers, the place in the picture, its channels alone, its probe.

const PATCHES = 4;
const DIMMED = 0.82; // share of black over the places where the two channels do not meet
const BRIGHTEST = 0.98; // quantile of a map from which on the picture is shown as it is
const GAMMA = 0.7; // below 1, so that fainter places are seen as well
const SMALLEST = 1 / 9; // of the picture's longer side, a patch

/** Return a new element of a class, with a text, as the last child of another. */
function added(parent, tag, name, text = "") {
  const element = parent.appendChild(document.createElement(tag));
  if (name) element.className = name;
  element.textContent = text;
  return element;
}

class EntryPanel {
  constructor(entries) {
    this.entries = entries;
    this.at = null; // {layer, i, j, picture}
    this.opener = null;
    this.images = new Map();
    this.#build();
    addEventListener("hashchange", () => this.follow());
    this.follow();
  }

  /** Open the entry that the page's address names, as #conv3_1/12,40 or #conv3_1/12,40/PICTURE. */
  follow() {
    const [layer, pair, key] = decodeURIComponent(location.hash.slice(1)).split("/");
    const channels = this.entries.orders[layer]?.length;
    const [i, j] = (pair ?? "").match(/^\d+,\d+$/) ? pair.split(",").map(Number) : [];
    if (!channels || !(i < channels && j < channels)) return;
    const { pictures } = this.entries;
    const picture = (pictures.find((one) => one.key === key) ?? pictures[0]).key;
    this.open({ layer, i, j, picture }, document.activeElement);
  }

  /** Show an entry; opener: what gets the focus back. */
  open(at, opener) {
    if (!this.at) this.opener = opener;
    this.at = at;
    this.box.hidden = false;
    this.#show();
    this.box.focus({ preventScroll: true });
  }

  close() {
    this.at = null;
    this.box.hidden = true;
    history.replaceState(null, "", location.pathname + location.search);
    this.opener?.focus?.({ preventScroll: true });
  }

  #build() {
    this.box = added(document.body, "aside", "entry");
    Object.assign(this.box, { id: "entry-panel", tabIndex: -1, hidden: true });
    this.box.setAttribute("role", "dialog");
    this.box.setAttribute("aria-labelledby", "entry-panel--title");
    const head = added(this.box, "div", "entry-head");
    this.title = added(head, "h2", "", "");
    this.title.id = "entry-panel--title";
    this.#button(head, "×", "Close (Escape)", () => this.close());
    const steps = added(this.box, "div", "entry-steps");
    for (const [name, keys, step] of [
      ["i", ["ArrowUp", "ArrowDown"], (k) => this.#turn("i", k)],
      ["j", ["ArrowLeft", "ArrowRight"], (k) => this.#turn("j", k)],
      ["pair", ["PageUp", "PageDown"], (k) => this.#climb(k)],
      ...(this.entries.pictures.length > 1 ? [["picture", ["[", "]"], (k) => this.#page(k)]] : []),
    ]) {
      const group = added(steps, "span", "entry-step");
      const told = { pair: ["stronger pair", "weaker pair"], picture: ["earlier", "later"] };
      const [back, on] = told[name] ?? ["before in the map", "next in the map"];
      this.#button(group, "‹", `${name}: ${back} (${keys[0]})`, () => step(-1));
      added(group, "span", "", name);
      this.#button(group, "›", `${name}: ${on} (${keys[1]})`, () => step(1));
      this.moves = { ...this.moves, [keys[0]]: () => step(-1), [keys[1]]: () => step(1) };
    }
    this.numbers = added(this.box, "dl", "facts entry-numbers");
    this.numbers.setAttribute("aria-live", "polite");
    this.scene = this.#figure("Where both fire together");
    this.patches = this.#figure("Where they do most");
    this.alone = this.#figure("Each channel alone: a picture that makes it largest");
    const probe = added(this.box, "div", "entry-probe");
    added(probe, "p", "", "The pair's own probe:");
    this.command = added(probe, "code");
    const copy = this.#button(probe, "Copy", "Copy the command", () => this.#copy(copy));
    this.box.addEventListener("keydown", (event) => this.#press(event));
  }

  #button(parent, text, label, act) {
    const button = added(parent, "button", "", text);
    Object.assign(button, { type: "button", title: label });
    button.setAttribute("aria-label", label);
    button.addEventListener("click", act);
    return button;
  }

  #figure(caption) {
    const figure = added(this.box, "figure");
    added(figure, "figcaption", "", caption);
    added(figure, "div", "entry-canvases");
    return figure;
  }

  #press(event) {
    if (event.altKey || event.metaKey || event.ctrlKey) return;
    if (event.key === "Escape") this.close();
    else if (event.key in this.moves) this.moves[event.key]();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Go on by a channel, in the order of the heat map. */
  #turn(which, step) {
    const order = this.entries.orders[this.at.layer];
    const next = (order.indexOf(this.at[which]) + step + order.length) % order.length;
    this.#go({ [which]: order[next] });
  }

  /** Go to the next stronger or weaker pair. */
  #climb(step) {
    const found = this.#found();
    const { i, j } = this.at;
    const ranked = found.ranked;
    const here = i === j ? -1 : ranked.indexOf(place(i, j, found.channels));
    const next = Math.min(ranked.length - 1, Math.max(0, here + step));
    const [first, second] = found.channelsOf(ranked[next]);
    this.#go({ i: first, j: second });
  }

  #page(step) {
    const { pictures } = this.entries;
    const here = pictures.findIndex((one) => one.key === this.at.picture);
    this.#go({ picture: pictures[(here + step + pictures.length) % pictures.length].key });
  }

  #go(change) {
    this.at = { ...this.at, ...change };
    this.#show();
  }

  #found() {
    return this.entries.of(this.at.picture, this.at.layer);
  }

  #show() {
    const { layer, i, j, picture } = this.at;
    const several = this.entries.pictures.length > 1;
    const address = `${layer}/${i},${j}${several ? `/${picture}` : ""}`;
    history.replaceState(null, "", `#${address}`);
    this.title.textContent = `${layer} (${i}, ${j})`;
    this.command.textContent =
      `stylespace probe --layer ${layer} --entry ${i},${j}${this.entries.options}`;
    this.#tell();
    this.#place();
    this.#channels();
  }

  #tell() {
    const { layer, i, j, picture } = this.at;
    const found = this.#found();
    const [rank, count] = found.rank(i, j);
    const rows = [
      ["Value", `${digits(found.value(i, j))} squared units`],
      i === j
        ? ["Kind", "energy of one channel"]
        : ["Cosine", found.cosine(i, j).toFixed(3)],
      ["Rank", `${rank.toLocaleString("en")} of ${count.toLocaleString("en")} ${
        i === j ? "energies" : "pairs"} of ${layer}`],
    ];
    const { name } = this.entries.pictures.find((one) => one.key === picture);
    if (this.entries.pictures.length > 1) rows.unshift(["Picture", name]);
    this.numbers.replaceChildren();
    for (const [term, value] of rows) {
      const row = added(this.numbers, "div");
      added(row, "dt", "", term);
      added(row, "dd", "", value);
    }
  }

  /** Light the places where both channels fire, and cut out the strongest. */
  async #place() {
    const { i, j, picture } = this.at;
    const shown = this.at;
    const map = this.#found().together(i, j);
    const portrait = document.querySelector(`img.portrait[data-picture="${picture}"]`);
    this.scene.hidden = this.patches.hidden = !map || !portrait;
    if (this.scene.hidden) return;
    await portrait.decode();
    if (this.at !== shown) return; // somebody went on
    this.scene.firstChild.textContent =
      !map.peak
        ? "They never fire together in one field of this picture."
        : `Where ${i === j ? "it fires" : "both fire together"}: an approximation, the product of ` +
          `their means over ${map.width} × ${map.height} fields.`;
    const canvas = this.#canvas(this.scene, portrait.naturalWidth, portrait.naturalHeight);
    this.#light(canvas, portrait, map);
    canvas.setAttribute("aria-label", this.#told(map));
    this.#cut(portrait, map);
  }

  #canvas(figure, width, height) {
    const box = figure.lastChild;
    box.replaceChildren();
    const canvas = added(box, "canvas");
    Object.assign(canvas, { width, height });
    canvas.setAttribute("role", "img");
    return canvas;
  }

  /** Draw the picture, dark but where a map is bright. */
  #light(canvas, portrait, { height, width, values }) {
    const light = Object.assign(document.createElement("canvas"), { width, height });
    const levels = new ImageData(width, height);
    const bright = [...values].sort((a, b) => a - b)[Math.floor(BRIGHTEST * values.length)] || 1;
    values.forEach((value, k) => {
      levels.data[4 * k + 3] = 255 * Math.min(1, value / bright) ** GAMMA;
    });
    light.getContext("2d").putImageData(levels, 0, 0);
    const lit = Object.assign(document.createElement("canvas"), {
      width: canvas.width, height: canvas.height,
    });
    const brush = lit.getContext("2d");
    brush.drawImage(portrait, 0, 0, lit.width, lit.height);
    brush.globalCompositeOperation = "destination-in";
    brush.imageSmoothingQuality = "high";
    brush.drawImage(light, 0, 0, lit.width, lit.height);
    const pen = canvas.getContext("2d");
    pen.drawImage(portrait, 0, 0, canvas.width, canvas.height);
    pen.fillStyle = `rgb(0 0 0 / ${DIMMED})`;
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(lit, 0, 0);
  }

  /** Say in words where in the picture a map is brightest. */
  #told({ height, width, values }) {
    const top = values.indexOf(Math.max(...values));
    const [y, x] = [(Math.floor(top / width) + 0.5) / height, ((top % width) + 0.5) / width];
    const percent = (share) => Math.round(100 * share);
    return `The picture, lit where both channels fire; most at ${percent(x)} % from the left and ` +
      `${percent(y)} % from the top.`;
  }

  /** Show the strongest places, as large as the layer's receptive field, no two at one place. */
  #cut(portrait, { height, width, values, peak }) {
    const { naturalWidth: across, naturalHeight: down, dataset } = portrait;
    const scale = Math.max(across, down) / Number(dataset.side);
    const field = this.entries.fields[this.at.layer] * scale;
    const side = Math.min(across, down, Math.max(field, SMALLEST * Math.max(across, down)));
    const box = this.patches.lastChild;
    box.replaceChildren();
    const order = [...values.keys()].sort((a, b) => values[b] - values[a]);
    const chosen = [];
    for (const k of order) {
      if (chosen.length === PATCHES || !peak || values[k] === 0) break;
      const x = ((k % width) + 0.5) * (across / width);
      const y = (Math.floor(k / width) + 0.5) * (down / height);
      const apart = chosen.every(([a, b]) => Math.hypot(a - x, b - y) > 0.75 * side);
      if (apart) chosen.push([x, y]);
    }
    for (const [x, y] of chosen) {
      const canvas = added(box, "canvas", "patch");
      canvas.width = canvas.height = 144;
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", "A place of the picture where both fire strongly");
      const within = (middle, length) => Math.min(length - side, Math.max(0, middle - side / 2));
      canvas.getContext("2d").drawImage(
        portrait, within(x, across), within(y, down), side, side, 0, 0, 144, 144,
      );
    }
    this.patches.hidden = !chosen.length;
  }

  /** Show the cells of the two channels in the sheet that the page carries. */
  async #channels() {
    const { layer, i, j } = this.at;
    const shown = this.at;
    const sheet = this.entries.channels;
    const first = sheet?.first[layer];
    this.alone.hidden = first === undefined;
    if (this.alone.hidden) return;
    this.sheet ??= Object.assign(new Image(), { src: sheet.src });
    await this.sheet.decode();
    if (this.at !== shown) return;
    const box = this.alone.lastChild;
    box.replaceChildren();
    for (const channel of new Set([i, j])) {
      const cell = added(box, "div", "cell");
      const canvas = added(cell, "canvas");
      canvas.width = canvas.height = 2 * sheet.cell;
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", `Probe of channel ${channel} alone`);
      added(cell, "span", "", `channel ${channel}`);
      const [x, y] = [(first + channel) % sheet.columns, Math.floor((first + channel) / sheet.columns)];
      const pen = canvas.getContext("2d");
      pen.imageSmoothingQuality = "high";
      pen.drawImage(
        this.sheet, x * sheet.cell, y * sheet.cell, sheet.cell, sheet.cell,
        0, 0, canvas.width, canvas.height,
      );
    }
  }

  /** Copy the command: by the clipboard, or by a selection where a page from a file has none. */
  async #copy(button) {
    try {
      await navigator.clipboard.writeText(this.command.textContent);
    } catch {
      getSelection().selectAllChildren(this.command);
      document.execCommand("copy");
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  }
}
