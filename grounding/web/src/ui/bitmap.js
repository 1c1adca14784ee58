/**
 * Images of numbers on small canvases, drawn in one go.
 *
 *   paintImage(canvas, values, [C, H, W])       Float32Array in [0, 1] or Uint8Array in 0 .. 255;
 *                                               one channel is grey, three are red, green, blue
 *   imageCanvas([C, H, W], label)               -> canvas with role "img"
 */

import { element } from "./element.js";

/** @param {HTMLCanvasElement} canvas @param {Float32Array | Uint8Array} values @param {readonly number[]} shape */
export function paintImage(canvas, values, [channels, height, width]) {
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const pen = canvas.getContext("2d");
  if (!pen) return;
  const picture = pen.createImageData(width, height);
  const plane = width * height;
  const scale = values instanceof Uint8Array ? 1 : 255;
  for (let i = 0; i < plane; i++) {
    for (let channel = 0; channel < 3; channel++) {
      picture.data[4 * i + channel] = values[(channels >= 3 ? channel * plane : 0) + i] * scale;
    }
    picture.data[4 * i + 3] = 255;
  }
  pen.putImageData(picture, 0, 0);
}

/** @param {readonly number[]} shape @param {string} label */
export function imageCanvas([, height, width], label) {
  return element("canvas", { class: "bitmap", width, height, role: "img", "aria-label": label });
}
