/**
 * An image file of the reader's, made to fit the model.
 *
 *   await readImage(file, [C, H, W], {invert})   -> {values: Float32Array (C * H * W) in [0, 1], name}
 *                                                   throws PageError "image"
 *   imageIn(dataTransfer)                        -> the image file that was pasted or dropped, or null
 *   cropOf(width, height, [C, H, W])             -> {x, y, width, height}: the largest part in the middle
 *                                                   that has the model's shape
 *   imageOfPixels(rgba, finer, [C, H, W], {invert})   -> values; rgba: finer times as wide and as high
 *
 * Grey is 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601). What is transparent counts as white where the
 * model has no alpha.
 */

import { PageError } from "../errors.js";
import { element } from "../ui/element.js";

const MOST_FINER = 8;
/** What browsers can hold of one picture. */
const MAX_PIXELS = 1e8;

/** @param {DataTransfer | null} data @returns {File | null} */
export function imageIn(data) {
  const files = Array.from(data?.files ?? []);
  return files.find(({ type }) => type.startsWith("image/")) ?? files[0] ?? null;
}

/** @param {number} width @param {number} height @param {readonly number[]} shape */
export function cropOf(width, height, [, rows, columns]) {
  const scale = Math.min(width / columns, height / rows);
  const [w, h] = [columns * scale, rows * scale];
  return { x: (width - w) / 2, y: (height - h) / 2, width: w, height: h };
}

/** @param {File} file @param {readonly number[]} shape @param {{invert?: boolean}} [options] */
export async function readImage(file, shape, options) {
  const [, rows, columns] = shape;
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new PageError("image", `${file.name} is no image that this browser can read.`, "Open a PNG, JPEG, WebP or GIF file.");
  }
  if (bitmap.width * bitmap.height > MAX_PIXELS) {
    throw new PageError("image", `${file.name} has more than ${MAX_PIXELS / 1e6} million pixels.`, "Open a smaller one.");
  }
  const crop = cropOf(bitmap.width, bitmap.height, shape);
  const finer = Math.min(MOST_FINER, Math.max(1, Math.round(crop.width / columns)));
  const canvas = element("canvas", { width: columns * finer, height: rows * finer });
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  pen.imageSmoothingQuality = "high";
  pen.drawImage(bitmap, crop.x, crop.y, crop.width, crop.height, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
  return { values: imageOfPixels(data, finer, shape, options), name: file.name };
}

/**
 * @param {ArrayLike<number>} rgba (H * finer, W * finer, 4) in 0 .. 255 @param {number} finer
 * @param {readonly number[]} shape @param {{invert?: boolean}} [options]
 */
export function imageOfPixels(rgba, finer, [channels, height, width], { invert = false } = {}) {
  const plane = height * width;
  const out = new Float32Array(channels * plane);
  const isGrey = channels <= 2;
  const alphaPlane = channels === 2 ? 1 : channels === 4 ? 3 : -1;
  for (let place = 0; place < plane; place++) {
    const [top, left] = [Math.floor(place / width) * finer, (place % width) * finer];
    const sum = [0, 0, 0];
    let alphas = 0;
    for (let y = top; y < top + finer; y++) {
      for (let x = left; x < left + finer; x++) {
        const at = 4 * (y * width * finer + x);
        const alpha = rgba[at + 3] / 255;
        alphas += alpha;
        for (let i = 0; i < 3; i++) sum[i] += (alpha * rgba[at + i]) / 255;
      }
    }
    const pixels = finer * finer;
    const color = alphaPlane < 0 ? sum.map((value) => (value + pixels - alphas) / pixels) : sum.map((value) => (alphas ? value / alphas : 0));
    const [r, g, b] = invert ? color.map((value) => 1 - value) : color;
    const parts = isGrey ? [0.299 * r + 0.587 * g + 0.114 * b] : [r, g, b];
    if (alphaPlane >= 0) parts[alphaPlane] = alphas / pixels;
    for (let i = 0; i < channels; i++) out[i * plane + place] = parts[i] ?? 0;
  }
  return out;
}
