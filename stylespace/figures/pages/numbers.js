"use strict";
/** Return a number to three significant digits, as the page writes it: 12,300 or 1.23 × 10⁻⁷. */
function digits(value) {
  const [mantissa, power] = value.toExponential(2).split("e").map(Number);
  if (power >= -4 && power < 6) {
    return Number(value.toPrecision(3)).toLocaleString("en", { maximumSignificantDigits: 3 });
  }
  const raised = [...String(power)].map((one) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(one)]);
  return `${mantissa} × 10${raised.join("")}`;
}

/** Return the bytes that a text holds in base64. */
function bytesOf(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** Return the numbers of single precision that a text holds in base64, little end first. */
function numbersOf(text) {
  const { buffer, length } = bytesOf(text);
  const view = new DataView(buffer);
  return Float32Array.from({ length: length / 4 }, (_, k) => view.getFloat32(4 * k, true));
}

/** Return the whole numbers of two bytes that a text holds in base64, little end first. */
function wholesOf(text) {
  const { buffer, length } = bytesOf(text);
  const view = new DataView(buffer);
  return Int16Array.from({ length: length / 2 }, (_, k) => view.getInt16(2 * k, true));
}
