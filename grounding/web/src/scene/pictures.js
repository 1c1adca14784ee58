/**
 * All thumbnails of a cloud in one texture, row by row of a square grid.
 *
 *   pictureAtlas(thumbnails, count) -> {texture, columns, rows, shape}    shape: C, H, W of a cell, C is 1 or 4
 *   reduced(shape, count)           -> how many pixels a side become one, so that all fit
 */

import { DataTexture, LinearFilter, RedFormat, RGBAFormat } from "./three.js";

/** Any WebGL 2 has textures as wide as half of this, and everything that shows pages as wide as this. */
const WIDEST = 4_096;

/** @param {readonly number[]} shape C, H, W @param {number} count */
export function reduced([, height, width], count) {
  const columns = Math.ceil(Math.sqrt(count));
  let step = 1;
  while (columns * Math.ceil(Math.max(height, width) / step) > WIDEST) step++;
  return step;
}

/** @param {import("../assets.js").Thumbnails} thumbnails @param {number} count */
export function pictureAtlas({ data, shape }, count) {
  const [channels, height, width] = shape;
  const step = reduced(shape, count);
  const [high, wide] = [Math.ceil(height / step), Math.ceil(width / step)];
  const columns = Math.ceil(Math.sqrt(count));
  const rows = Math.ceil(count / columns);
  const depth = channels === 1 ? 1 : 4;
  const pixels = new Uint8Array(columns * wide * rows * high * depth);
  const plane = height * width;
  // Two channels are grey and alpha, which the picture is multiplied with.
  const planes = channels < 3 ? [0, 0, 0] : [0, 1, 2];
  const alpha = channels === 2 || channels === 4 ? channels - 1 : -1;
  for (let one = 0; one < count; one++) {
    const [left, top] = [(one % columns) * wide, Math.floor(one / columns) * high];
    for (let y = 0; y < high; y++) {
      let to = ((top + y) * columns * wide + left) * depth;
      for (let x = 0; x < wide; x++, to += depth) {
        const from = one * channels * plane + Math.min(height - 1, y * step) * width + Math.min(width - 1, x * step);
        if (depth === 1) pixels[to] = step === 1 ? data[from] : brightest(data, from, width, Math.min(step, height - y * step), Math.min(step, width - x * step));
        else {
          for (let i = 0; i < 3; i++) pixels[to + i] = data[from + planes[i] * plane];
          pixels[to + 3] = alpha < 0 ? 255 : data[from + alpha * plane];
        }
      }
    }
  }
  const texture = new DataTexture(pixels, columns * wide, rows * high, depth === 1 ? RedFormat : RGBAFormat);
  texture.minFilter = texture.magFilter = LinearFilter;
  texture.needsUpdate = true;
  return { texture, columns, rows, shape: [depth, high, wide] };
}

/** Strokes stay, however thin. @param {Uint8Array} data @param {number} from @param {number} width @param {number} high @param {number} wide */
function brightest(data, from, width, high, wide) {
  let most = 0;
  for (let y = 0; y < high; y++) for (let x = 0; x < wide; x++) most = Math.max(most, data[from + y * width + x]);
  return most;
}
