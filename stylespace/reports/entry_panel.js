// The panel of one entry: its numbers, the place in the picture, its channels alone, its probe.

const PATCHES = 4; // of a group of pictures

/** Return things under their name, or as they are without one. */
function under(name, ...things) {
  return name ? [elementOf("div", { class: "cell" }, ...things, elementOf("span", { text: name }))]
    : things;
}

class EntryPanel extends SidePanel {
  constructor(entries) {
    super("entry-panel", {
      address: (hash) => this.#named(hash),
      show: (body, at) => {
        this.#go(at);
        this.box.focus({ preventScroll: true });
      },
      closed: () => { this.at = null; },
    });
    this.entries = entries;
    this.at = null; // {layer, i, j, picture}
    this.#build();
    this.follow();
  }

  /** Return the entry that an address names, as conv3_1/12,40 or conv3_1/12,40/PICTURE. */
  #named(hash) {
    const [layer, pair, key] = hash.split("/");
    const channels = this.entries.orders[layer]?.length;
    const [i, j] = (pair ?? "").match(/^\d+,\d+$/) ? pair.split(",").map(Number) : [];
    if (!channels || !(i < channels && j < channels)) return undefined;
    return { layer, i, j, picture: this.entries.subject(key).key };
  }

  #build() {
    this.title = elementOf("h2", { id: "entry-panel--title" });
    this.numbers = elementOf("dl", { class: "facts entry-numbers", "aria-live": "polite" });
    this.scene = this.#figure("Where both fire together");
    this.patches = this.#figure("Where they do most");
    this.alone = this.#figure("Each channel alone: a picture that makes it largest");
    this.command = elementOf("code");
    const told = elementOf("p", { text: "The pair's own probe:" });
    const probe = elementOf("div", { class: "entry-probe" }, told, this.command,
      copyButton(this.command));
    this.box.classList.add("entry");
    this.box.setAttribute("role", "dialog");
    this.box.setAttribute("aria-labelledby", this.title.id);
    this.box.addEventListener("keydown", (event) => this.#press(event));
    this.body.ariaLive = "off";
    const figures = [this.scene, this.patches, this.alone];
    this.body.append(this.title, this.#steps(), this.numbers, ...figures, probe);
  }

  /** Return the buttons that step, and let keys do the same. */
  #steps() {
    this.moves = {};
    const steps = elementOf("div", { class: "entry-steps" });
    const further = ["before in the map", "next in the map"];
    for (const [name, keys, told, step] of [
      ["i", ["ArrowUp", "ArrowDown"], further, (k) => this.#turn("i", k)],
      ["j", ["ArrowLeft", "ArrowRight"], further, (k) => this.#turn("j", k)],
      ["pair", ["PageUp", "PageDown"], ["stronger pair", "weaker pair"], (k) => this.#climb(k)],
      ...(this.entries.subjects.length > 1
        ? [["picture", ["[", "]"], ["earlier", "later"], (k) => this.#page(k)]] : []),
    ]) {
      const [back, on] = [-1, 1].map((way, k) => {
        this.moves[keys[k]] = () => step(way);
        return buttonOf("‹›"[k], () => step(way), { title: `${name}: ${told[k]} (${keys[k]})` });
      });
      const named = elementOf("span", { text: name });
      steps.append(elementOf("span", { class: "entry-step" }, back, named, on));
    }
    return steps;
  }

  #figure(text) {
    const box = elementOf("div", { class: "entry-canvases" });
    return elementOf("figure", {}, elementOf("figcaption", { text }), box);
  }

  #press(event) {
    if (event.altKey || event.metaKey || event.ctrlKey || !(event.key in this.moves)) return;
    this.moves[event.key]();
    event.preventDefault();
    event.stopPropagation();
  }

  /** Go on by a channel, in the order of the heat map. */
  #turn(which, step) {
    const { order } = this.#found();
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
    const { subjects } = this.entries;
    const here = subjects.indexOf(this.entries.subject(this.at.picture));
    this.#go({ picture: subjects[(here + step + subjects.length) % subjects.length].key });
  }

  #found() {
    return this.entries.of(this.at.picture, this.at.layer);
  }

  #go(change) {
    this.at = { ...this.at, ...change };
    const { layer, i, j, picture } = this.at;
    const several = this.entries.subjects.length > 1;
    history.replaceState(null, "", `#${layer}/${i},${j}${several ? `/${picture}` : ""}`);
    this.title.textContent = `${layer} (${i}, ${j})`;
    this.command.textContent =
      `stylespace probe --layer ${layer} --entry ${i},${j}${this.entries.options}`;
    const rows = this.#found().facts(i, j);
    const subject = this.entries.subject(picture);
    if (several) rows.unshift([subject.sides ? "Pictures" : "Picture", subject.name]);
    this.numbers.replaceChildren(...rows.map((row) => elementOf("div", {},
      elementOf("dt", { text: row[0] }), elementOf("dd", { text: row[1] }))));
    this.#place();
    this.#channels();
  }

  /** Light the places where both channels fire, and cut out the strongest. */
  async #place() {
    const { layer, i, j } = this.at;
    const shown = this.at;
    const scenes = this.#found().scenes(i, j);
    this.scene.hidden = this.patches.hidden = !scenes.length;
    await Promise.all(scenes.map(({ portrait }) => portrait.decode()));
    if (this.at !== shown || !scenes.length) return; // somebody went on
    const [several, field] = [scenes.length > 1, this.entries.fields[layer]];
    const most = several ? Math.ceil((2 * PATCHES) / scenes.length) : PATCHES;
    const patches = scenes.flatMap(({ map, portrait, name }) => {
      const cut = strongestPatches(portrait, map, field, most);
      return cut.length ? under(several && name, ...cut) : [];
    });
    this.scene.firstChild.textContent = this.#caption(scenes, patches.length);
    this.scene.lastChild.replaceChildren(...scenes.flatMap(({ map, portrait, name }) =>
      under(several && name, litPicture(portrait, map))));
    this.patches.lastChild.replaceChildren(...patches);
    this.patches.hidden = !patches.length;
  }

  #caption([{ map }, ...others], fires) {
    if (!fires) {
      const where = others.length ? "these pictures" : "this picture";
      return `They never fire together in one field of ${where}.`;
    }
    const fields = others.length ? "small fields" : `${map.width} × ${map.height} fields`;
    return `Where ${this.at.i === this.at.j ? "it fires" : "both fire together"}: an ` +
      `approximation, the product of their means over ${fields}.`;
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
    this.alone.lastChild.replaceChildren(...[...new Set([i, j])].flatMap((channel) => {
      const { cell, columns } = sheet;
      const canvas = canvasOf(2 * cell, 2 * cell, `Probe of channel ${channel} alone`);
      const at = first + channel;
      const [x, y] = [(at % columns) * cell, Math.floor(at / columns) * cell];
      const pen = canvas.getContext("2d");
      pen.imageSmoothingQuality = "high";
      pen.drawImage(this.sheet, x, y, cell, cell, 0, 0, canvas.width, canvas.height);
      return under(`channel ${channel}`, canvas);
    }));
  }
}
