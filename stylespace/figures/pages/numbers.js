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
