/**
 * Images of numbers on small canvases, painted with the next frame: of several for one canvas until
 * then, the last.
 *
 *   paintImage(canvas, values, [C, H, W], from)  Float32Array in [0, 1] or Uint8Array in 0 .. 255,
 *                                                read from index `from` on; one channel is grey,
 *                                                three are red, green, blue
 *   paintStrip(canvas, values, [C, H, W], columns)  several images side by side; columns names the
 *                                                row of each in `values`
 *   clearImage(canvas)
 *   imageCanvas([C, H, W], label)                -> canvas with role "img"
 */

import { element } from "./element.js";

/** @typedef {Float32Array | Uint8Array} Values */

/** @type {WeakMap<HTMLCanvasElement, {pen: CanvasRenderingContext2D, picture: ImageData}>} */
const prepared = new WeakMap();

/** @param {HTMLCanvasElement} canvas @param {number} width @param {number} height */
function prepare(canvas, width, height) {
  const ready = prepared.get(canvas);
  if (ready?.picture.width === width && ready.picture.height === height) return ready;
  canvas.width = width;
  canvas.height = height;
  // Kept in main memory: bytes come in with every event and nothing is drawn with the GPU.
  const pen = canvas.getContext("2d", { willReadFrequently: true, alpha: false });
  if (!pen) return null;
  const made = { pen, picture: pen.createImageData(width, height) };
  made.picture.data.fill(255);
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
  for (let row = 0, i = from; row < height; row++) {
    for (let column = 0, at = 4 * (row * across + left); column < width; column++, i++, at += 4) {
      data[at] = values[i] * scale;
      data[at + 1] = values[i + green] * scale;
      data[at + 2] = values[i + blue] * scale;
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
 * @param {HTMLCanvasElement} canvas @param {number} width @param {number} height
 * @param {(picture: ImageData) => void} fill
 */
function paint(canvas, width, height, fill) {
  soon(canvas, () => {
    const ready = prepare(canvas, width, height);
    if (!ready) return;
    fill(ready.picture);
    ready.pen.putImageData(ready.picture, 0, 0);
  });
}

/** @param {HTMLCanvasElement} canvas @param {Values} values @param {readonly number[]} shape @param {number} [from] */
export function paintImage(canvas, values, shape, from = 0) {
  paint(canvas, shape[2], shape[1], (picture) => put(picture, 0, values, from, shape));
}

/** @param {HTMLCanvasElement} canvas */
export function clearImage(canvas) {
  soon(canvas, () => prepared.get(canvas)?.pen.clearRect(0, 0, canvas.width, canvas.height));
}

/** @param {HTMLCanvasElement} canvas @param {Values} values @param {readonly number[]} shape @param {readonly number[]} columns */
export function paintStrip(canvas, values, shape, columns) {
  const [channels, height, width] = shape;
  paint(canvas, width * columns.length, height, (picture) =>
    columns.forEach((row, i) => put(picture, i * width, values, row * channels * height * width, shape)),
  );
}

/** @param {readonly number[]} shape @param {string} label */
export function imageCanvas([, height, width], label) {
  return element("canvas", { class: "bitmap", width, height, role: "img", "aria-label": label });
}
