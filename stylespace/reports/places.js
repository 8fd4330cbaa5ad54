// Where in a picture two channels fire together: lit in the picture, and cut out of it.

const DIMMED = 0.82; // share of black over the places where the two channels do not meet
const BRIGHTEST = 0.98; // quantile of a map from which on the picture is shown as it is
const GAMMA = 0.7; // below 1, so that fainter places are seen as well
const SMALLEST = 1 / 9; // of the picture's longer side, a patch

/** Return a canvas of so many pixels, with what it shows in words. */
function canvasOf(width, height, told, name) {
  return elementOf("canvas", { width, height, role: "img", "aria-label": told, class: name });
}

/** Return a picture, dark but where a map is bright. */
function litPicture(portrait, { height, width, values }) {
  const { naturalWidth: across, naturalHeight: down } = portrait;
  const light = canvasOf(width, height);
  const levels = new ImageData(width, height);
  const bright = [...values].sort((a, b) => a - b)[Math.floor(BRIGHTEST * values.length)] || 1;
  values.forEach((value, k) => {
    levels.data[4 * k + 3] = 255 * Math.min(1, value / bright) ** GAMMA;
  });
  light.getContext("2d").putImageData(levels, 0, 0);
  const lit = canvasOf(across, down);
  const brush = lit.getContext("2d");
  brush.drawImage(portrait, 0, 0, across, down);
  brush.globalCompositeOperation = "destination-in";
  brush.imageSmoothingQuality = "high";
  brush.drawImage(light, 0, 0, across, down);
  const canvas = canvasOf(across, down, brightestTold({ height, width, values }));
  const pen = canvas.getContext("2d");
  pen.drawImage(portrait, 0, 0, across, down);
  pen.fillStyle = `rgb(0 0 0 / ${DIMMED})`;
  pen.fillRect(0, 0, across, down);
  pen.drawImage(lit, 0, 0);
  return canvas;
}

/** Say in words where in the picture a map is brightest. */
function brightestTold({ height, width, values }) {
  const top = values.indexOf(Math.max(...values));
  const [y, x] = [(Math.floor(top / width) + 0.5) / height, ((top % width) + 0.5) / width];
  const percent = (share) => Math.round(100 * share);
  return `The picture, lit where both channels fire; most at ${percent(x)} % from the left and ` +
    `${percent(y)} % from the top.`;
}

/** Return the strongest places, as large as a receptive field in pixels, no two at one place. */
function strongestPatches(portrait, { height, width, values, peak }, field, most) {
  const { naturalWidth: across, naturalHeight: down, dataset } = portrait;
  const longer = Math.max(across, down);
  const scaled = (field * longer) / Number(dataset.side);
  const side = Math.min(across, down, Math.max(scaled, SMALLEST * longer));
  const order = [...values.keys()].sort((a, b) => values[b] - values[a]);
  const chosen = [];
  for (const k of order) {
    if (chosen.length === most || !peak || values[k] === 0) break;
    const x = ((k % width) + 0.5) * (across / width);
    const y = (Math.floor(k / width) + 0.5) * (down / height);
    if (chosen.every(([a, b]) => Math.hypot(a - x, b - y) > 0.75 * side)) chosen.push([x, y]);
  }
  const within = (middle, length) => Math.min(length - side, Math.max(0, middle - side / 2));
  return chosen.map(([x, y]) => {
    const canvas = canvasOf(144, 144, "A place of the picture where both fire strongly", "patch");
    const part = [within(x, across), within(y, down), side, side];
    canvas.getContext("2d").drawImage(portrait, ...part, 0, 0, 144, 144);
    return canvas;
  });
}
