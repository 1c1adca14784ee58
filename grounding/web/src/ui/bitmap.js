/**
 * Images of numbers on small canvases, painted with the next frame: of several for one canvas until
 * then, the last.
 *
 *   paintImage(canvas, values, [C, H, W], from)  Float32Array in [0, 1] or Uint8Array in 0 .. 255,
 *                                                read from index `from` on; channels are grey, grey
 *                                                and alpha, RGB, or RGBA; more are left out
 *   paintStrip(canvas, values, [C, H, W], columns)  several images side by side; columns names the
 *                                                row of each in `values`
 *   clearImage(canvas)
 *   imageCanvas([C, H, W], label)                -> canvas with role "img"
 *   stripCanvas([C, H, W], count, label)         -> canvas for paintStrip: no cell is higher than wide
 *   followShape([C, H, W])                       the style sheet learns what all images of the page
 *                                                look like: high and narrow, wide, or square
 */

import { element } from "./element.js";

/** @typedef {Float32Array | Uint8Array} Values */

/** @type {WeakMap<HTMLCanvasElement, {pen: CanvasRenderingContext2D, picture: ImageData}>} */
const prepared = new WeakMap();

/** Two channels are grey and alpha, four RGB and alpha. @param {number} channels */
const hasAlpha = (channels) => channels === 2 || channels >= 4;

/** @param {HTMLCanvasElement} canvas @param {number} width @param {number} height @param {number} channels */
function prepare(canvas, width, height, channels) {
  const ready = prepared.get(canvas);
  if (ready?.picture.width === width && ready.picture.height === height) return ready;
  canvas.width = width;
  canvas.height = height;
  // Kept in main memory: bytes come in with every event and nothing is drawn with the GPU.
  const pen = canvas.getContext("2d", { willReadFrequently: true, alpha: hasAlpha(channels) });
  if (!pen) return null;
  const made = { pen, picture: pen.createImageData(width, height) };
  if (!hasAlpha(channels)) for (let at = 3; at < made.picture.data.length; at += 4) made.picture.data[at] = 255;
  prepared.set(canvas, made);
  return made;
}

/**
 * @param {ImageData} picture @param {number} left column of the picture
 * @param {Values} values @param {number} from @param {readonly number[]} shape
 */
function put({ data, width: across }, left, values, from, [channels, height, width]) {
  const plane = width * height;
  const scale = values instanceof Uint8Array ? 1 : 255;
  const [green, blue] = channels >= 3 ? [plane, 2 * plane] : [0, 0];
  const alpha = hasAlpha(channels) ? (channels === 2 ? plane : 3 * plane) : 0;
  for (let row = 0, i = from; row < height; row++) {
    for (let column = 0, at = 4 * (row * across + left); column < width; column++, i++, at += 4) {
      data[at] = values[i] * scale;
      data[at + 1] = values[i + green] * scale;
      data[at + 2] = values[i + blue] * scale;
      if (alpha) data[at + 3] = values[i + alpha] * scale;
    }
  }
}

/** @type {Map<HTMLCanvasElement, () => void>} */
const waiting = new Map();

/** @param {HTMLCanvasElement} canvas @param {() => void} job */
function soon(canvas, job) {
  if (!waiting.size) requestAnimationFrame(paintAll);
  waiting.set(canvas, job);
}

function paintAll() {
  const jobs = [...waiting.values()];
  waiting.clear();
  for (const job of jobs) job();
}

/**
 * @param {HTMLCanvasElement} canvas @param {number} width @param {number} height @param {number} channels
 * @param {(picture: ImageData) => void} fill
 */
function paint(canvas, width, height, channels, fill) {
  soon(canvas, () => {
    const ready = prepare(canvas, width, height, channels);
    if (!ready) return;
    fill(ready.picture);
    ready.pen.putImageData(ready.picture, 0, 0);
  });
}

/** @param {HTMLCanvasElement} canvas @param {Values} values @param {readonly number[]} shape @param {number} [from] */
export function paintImage(canvas, values, shape, from = 0) {
  paint(canvas, shape[2], shape[1], shape[0], (picture) => put(picture, 0, values, from, shape));
}

/** @param {HTMLCanvasElement} canvas */
export function clearImage(canvas) {
  soon(canvas, () => prepared.get(canvas)?.pen.clearRect(0, 0, canvas.width, canvas.height));
}

/** @param {HTMLCanvasElement} canvas @param {Values} values @param {readonly number[]} shape @param {readonly number[]} columns */
export function paintStrip(canvas, values, shape, columns) {
  const [channels, height, width] = shape;
  const cell = cellWidth(shape);
  const margin = Math.floor((cell - width) / 2);
  paint(canvas, cell * columns.length, height, channels, (picture) =>
    columns.forEach((row, i) => put(picture, i * cell + margin, values, row * channels * height * width, shape)),
  );
}

/** @param {readonly number[]} shape */
const cellWidth = ([, height, width]) => Math.max(width, height);

/** @param {readonly number[]} shape @param {string} label */
export function imageCanvas([channels, height, width], label) {
  const kind = hasAlpha(channels) ? "bitmap alpha" : "bitmap";
  return element("canvas", { class: kind, width, height, role: "img", "aria-label": label });
}

/** @param {readonly number[]} shape @param {number} count @param {string} label */
export function stripCanvas([channels, height, width], count, label) {
  const canvas = imageCanvas([channels, height, cellWidth([channels, height, width]) * count], label);
  canvas.classList.add("strip");
  return canvas;
}

/** @param {readonly number[]} shape */
export function followShape([, height, width]) {
  const { style } = document.documentElement;
  const ratio = width / height;
  style.setProperty("--ratio", String(ratio));
  // Width in units of a square's side: wide images keep its area, up to a width of two; high ones its height.
  style.setProperty("--wide", String(ratio < 1 ? ratio : Math.min(2, Math.sqrt(ratio))));
}
