"use strict";
// What the page knows of every Gram entry: values as they were measured, and where channels fire.

/** Return the place of an entry in the upper triangle, row by row with its diagonal. */
function place(i, j, channels) {
  const [a, b] = i < j ? [i, j] : [j, i];
  return a * channels - (a * (a - 1)) / 2 + (b - a);
}

/** One layer of one picture; what costs time is decoded when somebody first asks. */
class LayerEntries {
  #values = null;
  #codes = null;
  #ranked = null;

  constructor(picture, layer, channels) {
    this.channels = channels;
    this.text = picture.values[layer];
    this.places = picture.places[layer] ?? null;
  }

  get values() {
    return (this.#values ??= numbersOf(this.text));
  }

  /** Return the entry of two channels, in squared units of activation. */
  value(i, j) {
    return this.values[place(i, j, this.channels)];
  }

  /** Return G_ij / sqrt(G_ii G_jj); 0 where the two never fire together. */
  cosine(i, j) {
    const value = this.value(i, j);
    return value === 0 ? 0 : value / Math.sqrt(this.value(i, i)) / Math.sqrt(this.value(j, j));
  }

  /** Return [how many entries of its kind, pairs or energies, are larger, plus 1; how many are]. */
  rank(i, j) {
    const [own, others] = [this.value(i, j), i === j ? this.#energies() : this.#pairs()];
    return [1 + others.reduce((count, value) => count + (value > own), 0), others.length];
  }

  /** Return the pairs of two channels, strongest first, as places in the upper triangle. */
  get ranked() {
    if (this.#ranked) return this.#ranked;
    const pairs = [];
    for (let i = 0, k = 0; i < this.channels; i += 1) {
      for (let j = i; j < this.channels; j += 1, k += 1) if (j > i) pairs.push(k);
    }
    const { values } = this;
    this.#ranked = Uint32Array.from(pairs).sort((a, b) => values[b] - values[a] || a - b);
    return this.#ranked;
  }

  /** Return the channels [i, j] of a place in the upper triangle. */
  channelsOf(k) {
    let i = 0;
    while (place(i + 1, i + 1, this.channels) <= k) i += 1;
    return [i, i + k - place(i, i, this.channels)];
  }

  /** Return where two channels fire together: h x w fields, the strongest of them 1; or null. */
  together(i, j) {
    if (!this.places) return null;
    const [height, width] = this.places.shape;
    this.#codes ??= bytesOf(this.places.codes);
    const [first, second] = [i, j].map((channel) => channel * height * width);
    const product = Float32Array.from(
      { length: height * width },
      (_, k) => this.#codes[first + k] * this.#codes[second + k],
    );
    const peak = product.reduce((a, b) => Math.max(a, b), 0);
    return { height, width, values: product.map((value) => value / (peak || 1)), peak };
  }

  #energies() {
    return Float32Array.from({ length: this.channels }, (_, i) => this.value(i, i));
  }

  #pairs() {
    return Float32Array.from(this.ranked, (k) => this.values[k]);
  }
}

/** All pictures and layers of the page. */
class Entries {
  constructor(data) {
    Object.assign(this, data); // options, palette, orders, fields, pictures, channels
    this.colours = bytesOf(this.palette);
    this.layers = Object.keys(this.orders);
    this.known = new Map();
  }

  /** Return the entries of a layer of a picture, by its key. */
  of(key, layer) {
    const name = `${layer}/${key}`;
    if (!this.known.has(name)) {
      const picture = this.pictures.find((one) => one.key === key);
      this.known.set(name, new LayerEntries(picture, layer, this.orders[layer].length));
    }
    return this.known.get(name);
  }

  /** Return the colour of a pair's entry on a scale between two ends, as heat maps have it. */
  colour(value, [low, high]) {
    let shade = 254;
    const size = Math.abs(value);
    if (size > 0) {
      const share = Math.log(size / low) / Math.log(high / low);
      shade = Math.round(253 * Math.min(1, Math.max(0, share)));
    }
    const [red, green, blue] = this.colours.subarray(3 * shade, 3 * shade + 3);
    return `rgb(${red} ${green} ${blue})`;
  }
}
