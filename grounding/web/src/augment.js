/**
 * Augmentation of one image, as the sliders say.
 *
 *   augment(image, shape, sliders, fields)    -> Float32Array, same size, in [0, 1]
 *   changeThickness(image, shape, thickness)  -> Float32Array, same size, in [0, 1]
 *   NEUTRAL                                   sliders that change nothing
 *   SLIDER_RANGES                             {name: {min, max, step, unit}}
 *
 * In this order: translation; rotation, scale, shear and elastic displacement about the centre, as
 * one resampling; thickness of strokes, intensity, noise, masking, clamping. An image is a
 * Float32Array of C * H * W values in [0, 1], shape is [C, H, W].
 */

import { translate, warp } from "./warp.js";

/** @typedef {import("./rng.js").Fields} Fields */
/** @typedef {readonly [number, number, number]} Shape C, H, W */

/**
 * @typedef {object} Sliders
 * @property {number} shiftX pixels to the right
 * @property {number} shiftY pixels downwards
 * @property {number} rotation degrees, positive turns clockwise as displayed
 * @property {number} scale factor
 * @property {number} shear pixels to the right per pixel below the centre
 * @property {number} elastic standard deviation of the control grid's displacements, in pixels
 * @property {number} thickness weight of a 3 x 3 dilation; below 0, of an erosion
 * @property {number} intensity factor
 * @property {number} noise standard deviation, in units of [0, 1]
 * @property {number} masking share of values set to 0
 */

/** @type {Readonly<Sliders>} */
export const NEUTRAL = Object.freeze({
  shiftX: 0,
  shiftY: 0,
  rotation: 0,
  scale: 1,
  shear: 0,
  elastic: 0,
  thickness: 0,
  intensity: 1,
  noise: 0,
  masking: 0,
});

/** @type {Readonly<Record<keyof Sliders, {min: number, max: number, step: number, unit: string}>>} */
export const SLIDER_RANGES = Object.freeze({
  shiftX: { min: -10, max: 10, step: 0.5, unit: "px" },
  shiftY: { min: -10, max: 10, step: 0.5, unit: "px" },
  rotation: { min: -180, max: 180, step: 1, unit: "°" },
  scale: { min: 0.3, max: 2, step: 0.01, unit: "×" },
  shear: { min: -1, max: 1, step: 0.01, unit: "" },
  elastic: { min: 0, max: 6, step: 0.1, unit: "px" },
  thickness: { min: -1, max: 1, step: 0.01, unit: "" },
  intensity: { min: 0, max: 2, step: 0.01, unit: "×" },
  noise: { min: 0, max: 1, step: 0.01, unit: "" },
  masking: { min: 0, max: 1, step: 0.01, unit: "" },
});

/**
 * @param {Float32Array} image @param {Shape} shape @param {Sliders} sliders
 * @param {Fields} fields noise and mask as long as the image
 * @returns {Float32Array} a new image
 */
export function augment(image, shape, sliders, fields) {
  const moved = translate(image, shape, sliders.shiftX, sliders.shiftY);
  const warped = warp(moved, shape, sliders, fields.elastic);
  const out = changeThickness(warped, shape, sliders.thickness);
  const { intensity, noise, masking } = sliders;
  for (let i = 0; i < out.length; i++) {
    const value = out[i] * intensity + noise * fields.noise[i];
    out[i] = fields.mask[i] < masking ? 0 : Math.min(1, Math.max(0, value));
  }
  return out;
}

/**
 * Grey-scale dilation and erosion: the maximum and the minimum of a pixel and its eight neighbours
 * (Serra, 1982), of which those outside the image do not count.
 * @param {Float32Array} image @param {Shape} shape
 * @param {number} thickness in [-1, 1]: its size is the weight of the erosion, below 0, or the dilation
 * @returns {Float32Array} a new image
 */
export function changeThickness(image, [, height, width], thickness) {
  if (thickness === 0) return image.slice();
  const isErosion = thickness < 0;
  const out = filterThree(filterThree(image, width, 1, isErosion), height, width, isErosion);
  for (let i = 0; i < out.length; i++) out[i] = image[i] + Math.abs(thickness) * (out[i] - image[i]);
  return out;
}

/**
 * The least (erosion) or the greatest of each value and its two neighbours along one axis.
 * @param {Float32Array} values @param {number} length of the axis
 * @param {number} stride from one value to the next along it
 * @param {boolean} isErosion
 */
function filterThree(values, length, stride, isErosion) {
  const out = new Float32Array(values.length);
  for (let i = 0; i < out.length; i++) {
    const value = values[i];
    const place = Math.floor(i / stride) % length;
    const before = place > 0 ? values[i - stride] : value;
    const after = place < length - 1 ? values[i + stride] : value;
    // Called by name: a function passed in is no longer inlined once both have been.
    out[i] = isErosion ? Math.min(before, value, after) : Math.max(before, value, after);
  }
  return out;
}
