"use strict";
// What the page knows of every entry: values as they were measured, and where channels fire.

/** Return the place of an entry in the upper triangle, row by row with its diagonal. */
function place(i, j, channels) {
  const [a, b] = i < j ? [i, j] : [j, i];
  return a * channels - (a * (a - 1)) / 2 + (b - a);
}

/** A symmetric matrix of channels, of its upper triangle; it is decoded when somebody asks. */
class Triangle {
  #decode;
  #values = null;
  #ranked = null;

  /** decode(): returns the values. size(value): by which entries are ranked. */
  constructor(channels, decode, size = (value) => value) {
    Object.assign(this, { channels, size });
    this.#decode = decode;
  }

  get values() {
    return (this.#values ??= this.#decode());
  }

  value(i, j) {
    return this.values[place(i, j, this.channels)];
  }

  /** Return G_ij / sqrt(G_ii G_jj); 0 where the two never fire together. */
  cosine(i, j) {
    const value = this.value(i, j);
    return value === 0 ? 0 : value / Math.sqrt(this.value(i, i)) / Math.sqrt(this.value(j, j));
  }

  /** Say how many entries of its kind, pairs or energies, are larger, plus 1, of how many. */
  rank(i, j) {
    const [own, others] = [this.size(this.value(i, j)), i === j ? this.#energies() : this.ranked];
    const larger = others.reduce((count, k) => count + (this.size(this.values[k]) > own), 0);
    const [rank, among] = [1 + larger, others.length].map((count) => count.toLocaleString("en"));
    return `${rank} of ${among} ${i === j ? "energies" : "pairs"}`;
  }

  /** Return the pairs of two channels, largest first, as places in the upper triangle. */
  get ranked() {
    if (this.#ranked) return this.#ranked;
    const pairs = [];
    for (let i = 0, k = 0; i < this.channels; i += 1) {
      for (let j = i; j < this.channels; j += 1, k += 1) if (j > i) pairs.push(k);
    }
    const sizes = this.values.map(this.size);
    this.#ranked = Uint32Array.from(pairs).sort((a, b) => sizes[b] - sizes[a] || a - b);
    return this.#ranked;
  }

  /** Return the channels [i, j] of a place in the upper triangle. */
  channelsOf(k) {
    let i = 0;
    while (place(i + 1, i + 1, this.channels) <= k) i += 1;
    return [i, i + k - place(i, i, this.channels)];
  }

  #energies() {
    return Uint32Array.from({ length: this.channels }, (_, i) => place(i, i, this.channels));
  }
}

/** A layer's Gram matrix of one picture, in squared units of activation. */
class LayerEntries extends Triangle {
  #codes = null;

  constructor(page, picture, layer) {
    const order = page.orders[layer];
    super(order.length, () => numbersOf(picture.values[layer]));
    Object.assign(this, { page, picture, layer, order, fields: picture.places?.[layer] });
  }

  /** Return what the panel says of an entry: [name, value] each. */
  facts(i, j) {
    return [
      ["Value", `${digits(this.value(i, j))} squared units`],
      i === j
        ? ["Kind", "energy of one channel"]
        : ["Cosine", this.cosine(i, j).toFixed(3)],
      ["Rank", `${this.rank(i, j)} of ${this.layer}`],
    ];
  }

  /** Return an entry in a line. */
  told(i, j) {
    const kind = i === j ? "energy" : `cosine ${this.cosine(i, j).toFixed(3)}`;
    return `${digits(this.value(i, j))}  ${kind}`;
  }

  /** Return the colour of a pair on a scale between two ends, as heat maps have it: 3 bytes. */
  colour(i, j, [low, high]) {
    const size = Math.abs(this.value(i, j));
    const share = Math.log(size / low) / Math.log(high / low);
    const shade = size > 0 ? Math.round(253 * Math.min(1, Math.max(0, share))) : 254;
    return this.page.colours.subarray(3 * shade, 3 * shade + 3);
  }

  /** Return where two channels fire together: h x w fields, the strongest of them 1; or null. */
  together(i, j) {
    if (!this.fields) return null;
    const [height, width] = this.fields.shape;
    this.#codes ??= bytesOf(this.fields.codes);
    const [first, second] = [i, j].map((channel) => channel * height * width);
    const product = Float32Array.from(
      { length: height * width },
      (_, k) => this.#codes[first + k] * this.#codes[second + k],
    );
    const peak = product.reduce((a, b) => Math.max(a, b), 0);
    return { height, width, values: product.map((value) => value / (peak || 1)), peak };
  }

  /** Return the pictures with their maps of an entry, as far as the page has both. */
  scenes(i, j) {
    const [map, portrait] = [this.together(i, j), this.page.portrait(this.picture)];
    return map && portrait ? [{ map, portrait, name: this.picture.name }] : [];
  }
}

/** How the shares of a layer's entries differ between two groups: effects, to two decimals. */
class LayerDifferences extends Triangle {
  constructor(page, contrast, layer) {
    const order = contrast.orders[layer];
    const sides = contrast.sides.map((side) => ({
      ...side,
      shares: new Triangle(order.length, () => numbersOf(side.shares[layer])),
      seen: side.pictures.map((one) => new LayerEntries(page, page.known(one), layer)),
    }));
    const effects = () => Float64Array.from(wholesOf(contrast.effects[layer]), (one) => one / 100);
    super(order.length, effects, Math.abs);
    Object.assign(this, { contrast, layer, order, sides });
    this.colours = bytesOf(contrast.palette);
  }

  /** Return the difference of the mean shares of an entry. */
  difference(i, j) {
    const [one, two] = this.sides.map(({ shares }) => shares.value(i, j));
    return one - two;
  }

  facts(i, j) {
    const { threshold } = this.contrast;
    const cosines = this.sides.map(({ shares }) => shares.cosine(i, j).toFixed(3));
    return [
      ...this.sides.map(({ name, count, shares }) =>
        [`${count > 1 ? "Mean share" : "Share"} in ${name}`, digits(shares.value(i, j))]),
      ["Difference", this.#more(this.difference(i, j), digits)],
      ["Effect", this.#more(this.value(i, j), (size) => `${size.toFixed(2)} deviations`)
        + (threshold === null ? "" : `; threshold ${threshold.toFixed(2)}`)],
      i === j
        ? ["Kind", "energy of one channel"]
        : ["Cosines of the shares", cosines.join(" and ")],
      ["Rank by effect", `${this.rank(i, j)} of ${this.layer}`],
    ];
  }

  told(i, j) {
    return `difference ${digits(this.difference(i, j))}  effect ${this.value(i, j).toFixed(2)}`;
  }

  /** Return the colour of an effect as maps of differences have it: 3 bytes. */
  colour(i, j, [low, high]) {
    const share = (this.value(i, j) - low) / (high - low);
    const shade = Math.round(255 * Math.min(1, Math.max(0, share)));
    return this.colours.subarray(3 * shade, 3 * shade + 3);
  }

  scenes(i, j) {
    return this.sides.flatMap((side) => side.seen.flatMap((one) =>
      one.scenes(i, j).map(({ name, ...scene }) =>
        ({ ...scene, name: side.name === name ? name : `${side.name}: ${name}` }))));
  }

  /** Say how much, and in which of the two groups more. */
  #more(value, written) {
    const text = written(Math.abs(value));
    return value === 0 ? text : `${text} more in ${this.sides[value > 0 ? 0 : 1].name}`;
  }
}

/** All pictures and layers of the page, and two groups of pictures where it compares them. */
class Entries {
  constructor(data) {
    Object.assign(this, data); // options, palette, orders, fields, pictures, contrast, channels
    this.colours = bytesOf(this.palette);
    this.subjects = [...this.pictures, ...(this.contrast ? [this.contrast] : [])];
    this.opened = new Map();
    this.portraits = new Map();
  }

  /** Return the picture or the two groups of a key; of none, those that the page begins with. */
  subject(key) {
    return this.subjects.find((one) => one.key === key) ?? this.subjects[0];
  }

  /** Return the picture with what else the page knows of it. */
  known(picture) {
    return { ...picture, ...this.pictures.find((one) => one.key === picture.key) };
  }

  /** Return the entries of a layer of a subject, by its key. */
  of(key, layer) {
    const name = `${layer}/${key}`;
    if (!this.opened.has(name)) {
      const subject = this.subject(key);
      const kind = subject === this.contrast ? LayerDifferences : LayerEntries;
      this.opened.set(name, new kind(this, subject, layer));
    }
    return this.opened.get(name);
  }

  /** Return the image of a picture, from the page or from its data; null without one. */
  portrait({ key, src, side }) {
    const shown = document.querySelector(`img.portrait[data-picture="${key}"]`);
    if (shown || !src) return shown;
    if (!this.portraits.has(key)) {
      const image = elementOf("img", { src, "data-side": side });
      this.portraits.set(key, image);
    }
    return this.portraits.get(key);
  }
}
