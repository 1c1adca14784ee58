/**
 * Augmentation of one image, as the sliders say.
 *
 *   augment(image, shape, sliders, fields) -> Float32Array, same size, in [0, 1]
 *   NEUTRAL                                 sliders that change nothing
 *   SLIDER_RANGES                           {name: {min, max, step, unit}}
 *
 * In this order: translation, rotation and scale about the centre, intensity, noise, masking,
 * clamping. Sampling is bilinear and zeros move in. An image is a Float32Array of C * H * W values
 * in [0, 1], shape is [C, H, W].
 */

/** @typedef {import("./rng.js").Fields} Fields */
/** @typedef {readonly [number, number, number]} Shape C, H, W */

/**
 * @typedef {object} Sliders
 * @property {number} shiftX pixels to the right
 * @property {number} shiftY pixels downwards
 * @property {number} rotation degrees, positive turns clockwise as displayed
 * @property {number} scale factor
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
  intensity: { min: 0, max: 2, step: 0.01, unit: "×" },
  noise: { min: 0, max: 1, step: 0.01, unit: "" },
  masking: { min: 0, max: 1, step: 0.01, unit: "" },
});

/**
 * @param {Float32Array} image @param {Shape} shape @param {Sliders} sliders
 * @param {Fields} fields as long as the image
 * @returns {Float32Array} a new image
 */
export function augment(image, shape, sliders, fields) {
  const moved = translate(image, shape, sliders.shiftX, sliders.shiftY);
  const out = rotateAndScale(moved, shape, sliders.rotation, sliders.scale);
  const { intensity, noise, masking } = sliders;
  for (let i = 0; i < out.length; i++) {
    const value = out[i] * intensity + noise * fields.noise[i];
    out[i] = fields.mask[i] < masking ? 0 : Math.min(1, Math.max(0, value));
  }
  return out;
}

/**
 * @param {Float32Array} image @param {Shape} shape @param {number} right @param {number} down
 * @returns {Float32Array}
 */
export function translate(image, shape, right, down) {
  return resample(image, shape, [1, 0, 0, 1], right, down);
}

/**
 * @param {Float32Array} image @param {Shape} shape
 * @param {number} degrees clockwise as displayed @param {number} scale above 0
 * @returns {Float32Array}
 */
export function rotateAndScale(image, shape, degrees, scale) {
  const angle = (degrees * Math.PI) / 180;
  const cos = Math.cos(angle) / scale;
  const sin = Math.sin(angle) / scale;
  return resample(image, shape, [cos, sin, -sin, cos], 0, 0);
}

/**
 * Each output pixel takes the value at `matrix` times its place about the centre, less the shift.
 * @param {Float32Array} image @param {Shape} shape
 * @param {[number, number, number, number]} matrix x and y row
 * @param {number} right @param {number} down
 */
function resample(image, [channels, height, width], [xx, xy, yx, yy], right, down) {
  if (xx === 1 && xy === 0 && yx === 0 && yy === 1 && right === 0 && down === 0) {
    return image.slice();
  }
  const out = new Float32Array(image.length);
  const plane = height * width;
  const middleX = (width - 1) / 2;
  const middleY = (height - 1) / 2;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const x = xx * (column - middleX) + xy * (row - middleY) + middleX - right;
      const y = yx * (column - middleX) + yy * (row - middleY) + middleY - down;
      for (let channel = 0; channel < channels; channel++) {
        const first = channel * plane;
        out[first + row * width + column] = bilinear(image, first, height, width, x, y);
      }
    }
  }
  return out;
}

/**
 * @param {Float32Array} image @param {number} first index of the channel's first value
 * @param {number} height @param {number} width @param {number} x @param {number} y
 */
function bilinear(image, first, height, width, x, y) {
  const left = Math.floor(x);
  const top = Math.floor(y);
  if (left < -1 || top < -1 || left >= width || top >= height) return 0;
  const fx = x - left;
  const fy = y - top;
  const start = first + top * width + left;
  const hasLeft = left >= 0;
  const hasRight = left + 1 < width;
  let value = 0;
  if (top >= 0) {
    if (hasLeft) value += (1 - fx) * (1 - fy) * image[start];
    if (hasRight) value += fx * (1 - fy) * image[start + 1];
  }
  if (top + 1 < height) {
    if (hasLeft) value += (1 - fx) * fy * image[start + width];
    if (hasRight) value += fx * fy * image[start + width + 1];
  }
  return value;
}
