"use strict";
// Pictures laid over each other, with a slider between two of them.

class Comparison {
  constructor(figure) {
    this.images = [...figure.querySelectorAll(".stack img")];
    this.left = 0;
    figure.classList.add("sliding");
    this.stack = figure.querySelector(".stack");
    this.line = this.stack.appendChild(elementOf("div", { class: "divide" }));
    const [first, last] = [this.images[0], this.images.at(-1)];
    this.stack.style.aspectRatio = `${last.naturalWidth || 4} / ${last.naturalHeight || 3}`;
    this.bar = figure.appendChild(elementOf("input", {
      class: "slider", type: "range", min: 0, max: 100, value: 50,
      "aria-label": `From ${first.dataset.label} to ${last.dataset.label}`,
    }));
    this.bar.addEventListener("input", () => this.#show());
    this.#choices(figure);
    this.stack.addEventListener("pointermove", (event) => this.#drag(event));
    this.stack.addEventListener("pointerdown", (event) => this.#drag(event));
    this.#show();
  }

  /** Let the picture on the left be chosen, where there are more than two. */
  #choices(figure) {
    if (this.images.length < 3) return;
    this.buttons = this.images.slice(0, -1).map((image, place) =>
      buttonOf(image.dataset.label, () => {
        this.left = place;
        this.#show();
      }));
    const told = elementOf("span", { text: "Beside the result: " });
    figure.append(elementOf("div", { class: "choices" }, told, ...this.buttons));
  }

  #drag(event) {
    if (event.pointerType === "touch" && event.type === "pointermove") return;
    const box = this.stack.getBoundingClientRect();
    this.bar.value = Math.round((100 * (event.clientX - box.left)) / box.width);
    this.#show();
  }

  #show() {
    const share = Number(this.bar.value);
    this.images.forEach((image, place) => {
      const last = place === this.images.length - 1;
      image.hidden = !last && place !== this.left;
      image.style.clipPath = last ? `inset(0 0 0 ${share}%)` : "";
    });
    this.line.style.left = `${share}%`;
    this.buttons?.forEach((button, place) => {
      button.setAttribute("aria-pressed", String(place === this.left));
    });
    const names = [this.images[this.left], this.images.at(-1)].map((one) => one.dataset.label);
    this.bar.setAttribute("aria-valuetext", `${share} % ${names[0]}, ${100 - share} % ${names[1]}`);
  }
}
