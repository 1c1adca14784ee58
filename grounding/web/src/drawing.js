/**
 * Strokes of a pen -> an image like those of MNIST.
 *
 *   drawnImage(strokes, [H, W], {normalize}) -> Float32Array of H * W values in [0, 1]
 *   inkCentre(image, [H, W])                 -> {x, y, mass}: centre of mass in pixels
 *
 * A stroke is {points: [x0, y0, x1, y1, ...], radius}, both in units of the canvas width (x) and
 * height (y): 0 is the left or upper edge, 1 the right or lower one; radius in units of the width,
 * PEN_RADIUS draws lines as wide as MNIST's on a square.
 */

/** @typedef {{points: ArrayLike<number>, radius: number}} Stroke */

export const PEN_RADIUS = 1.25 / 28;
/** Side of the box that MNIST fits a digit in, in units of the image's side. */
const BOX = 20 / 28;
/** Drawn this many times finer than the image, then averaged. */
const FINER = 4;
const INK = 0.05;

/**
 * @param {readonly Stroke[]} strokes
 * @param {readonly [number, number]} size H, W
 * @param {{normalize?: boolean}} [options] normalize: fit into MNIST's 20 x 20 box, centre of mass
 *   in the middle
 * @returns {Float32Array} (H * W)
 */
export function drawnImage(strokes, [height, width], { normalize = false } = {}) {
  const fine = /** @type {[number, number]} */ ([height * FINER, width * FINER]);
  const ink = rasterize(strokes, fine);
  const identity = { scale: 1 / FINER, x: 0, y: 0 };
  return reduce(ink, fine, [height, width], (normalize && placement(ink, fine)) || identity);
}

/**
 * @param {Float32Array} image @param {readonly [number, number]} size
 * @returns {{x: number, y: number, mass: number}} pixel centres count as k + 0.5
 */
export function inkCentre(image, [height, width]) {
  let mass = 0;
  let x = 0;
  let y = 0;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const value = image[row * width + column];
      mass += value;
      x += value * (column + 0.5);
      y += value * (row + 0.5);
    }
  }
  return mass > 0 ? { x: x / mass, y: y / mass, mass } : { x: width / 2, y: height / 2, mass: 0 };
}

/**
 * @param {readonly Stroke[]} strokes @param {[number, number]} size
 * @returns {Float32Array} coverage of each pixel, edges one pixel soft
 */
function rasterize(strokes, [height, width]) {
  const ink = new Float32Array(height * width);
  for (const { points, radius } of strokes) {
    const reach = radius * width;
    for (let i = 0; i + 1 < points.length; i += 2) {
      const from = i ? i - 2 : 0;
      segment(ink, height, width, reach, [
        points[from] * width,
        points[from + 1] * height,
        points[i] * width,
        points[i + 1] * height,
      ]);
    }
  }
  return ink;
}

/**
 * @param {Float32Array} ink @param {number} height @param {number} width @param {number} reach
 * @param {[number, number, number, number]} ends
 */
function segment(ink, height, width, reach, [x0, y0, x1, y1]) {
  const length2 = (x1 - x0) ** 2 + (y1 - y0) ** 2;
  const top = Math.max(0, Math.floor(Math.min(y0, y1) - reach - 1));
  const bottom = Math.min(height - 1, Math.ceil(Math.max(y0, y1) + reach + 1));
  const left = Math.max(0, Math.floor(Math.min(x0, x1) - reach - 1));
  const right = Math.min(width - 1, Math.ceil(Math.max(x0, x1) + reach + 1));
  for (let row = top; row <= bottom; row++) {
    for (let column = left; column <= right; column++) {
      const x = column + 0.5 - x0;
      const y = row + 0.5 - y0;
      const along = length2 ? (x * (x1 - x0) + y * (y1 - y0)) / length2 : 0;
      const t = Math.min(1, Math.max(0, along));
      const distance = Math.hypot(x - t * (x1 - x0), y - t * (y1 - y0));
      const value = Math.min(1, Math.max(0, reach - distance + 0.5));
      const place = row * width + column;
      if (value > ink[place]) ink[place] = value;
    }
  }
}

/**
 * Where the ink goes so that its bounding box fills the 20 x 20 box and its centre of mass is in
 * the middle; null without ink.
 * @param {Float32Array} ink @param {[number, number]} size
 * @returns {{scale: number, x: number, y: number} | null}
 */
function placement(ink, [height, width]) {
  let [left, right, top, bottom] = [width, -1, height, -1];
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      if (ink[row * width + column] < INK) continue;
      left = Math.min(left, column);
      right = Math.max(right, column);
      top = Math.min(top, row);
      bottom = Math.max(bottom, row);
    }
  }
  if (right < 0) return null;
  const fits = Math.min((BOX * width) / (right - left + 1), (BOX * height) / (bottom - top + 1));
  const centre = inkCentre(ink, [height, width]);
  const scale = fits / FINER;
  return {
    scale,
    x: width / FINER / 2 - centre.x * scale,
    y: height / FINER / 2 - centre.y * scale,
  };
}

/**
 * Spread each fine pixel's ink over the pixels that it covers, by area.
 * @param {Float32Array} ink @param {[number, number]} fine
 * @param {readonly [number, number]} size
 * @param {{scale: number, x: number, y: number}} place pixels of the image per fine pixel; offset
 */
function reduce(ink, [fineHeight, fineWidth], [height, width], { scale, x, y }) {
  const out = new Float32Array(height * width);
  for (let row = 0; row < fineHeight; row++) {
    const rows = spread(y + row * scale, scale, height);
    for (let column = 0; column < fineWidth; column++) {
      const value = ink[row * fineWidth + column];
      if (!value) continue;
      const columns = spread(x + column * scale, scale, width);
      for (const [r, high] of rows) {
        for (const [c, wide] of columns) out[r * width + c] += value * high * wide;
      }
    }
  }
  return out.map((value) => Math.min(1, value));
}

/**
 * @param {number} start @param {number} length @param {number} count
 * @returns {[number, number][]} pixels of 0 .. count - 1 that the span covers, and how much of each
 */
function spread(start, length, count) {
  const parts = /** @type {[number, number][]} */ ([]);
  const end = start + length;
  for (let i = Math.max(0, Math.floor(start)); i < Math.min(count, Math.ceil(end)); i++) {
    parts.push([i, Math.min(end, i + 1) - Math.max(start, i)]);
  }
  return parts;
}
