/**
 * What moves the pixels of one image: bilinear sampling, zeros move in.
 *
 *   translate(image, shape, right, down)    -> Float32Array, same size
 *   warp(image, shape, strength, points)    -> Float32Array; rotation, scale, shear and elastic
 *                                              displacement about the centre in one resampling
 *   elasticMoves(points, [height, width])   -> Float32Array (2, H, W): x, then y of each pixel
 *   CONTROL_POINTS                          rows, and columns, of the elastic field's grid
 *
 * An image is a Float32Array of C * H * W values, shape is [C, H, W]; y counts downwards.
 */

/** @typedef {import("./augment.js").Shape} Shape */
/** @typedef {Pick<import("./augment.js").Sliders, "rotation" | "scale" | "shear" | "elastic">} Strength */

export const CONTROL_POINTS = 4;
/** Of the cubic kernel (Keys, 1981): its slope at distance 1, the same as in PyTorch. */
const KERNEL_SLOPE = -0.75;

/**
 * @param {Float32Array} image @param {Shape} shape @param {number} right @param {number} down
 * @returns {Float32Array}
 */
export function translate(image, shape, right, down) {
  return resample(image, shape, [1, 0, 0, 1], { right, down });
}

/**
 * Rotates, scales and then shears about the centre. The place in the image that a pixel thus takes
 * its value from is moved by the elastic field at that pixel.
 * @param {Float32Array} image @param {Shape} shape
 * @param {Strength} strength rotation in degrees, clockwise as displayed; scale above 0; a positive
 *   shear moves the lower half to the right; elastic in pixels
 * @param {Float32Array} points as for elasticMoves, in units of `elastic`
 * @returns {Float32Array}
 */
export function warp(image, shape, { rotation, scale, shear, elastic }, points) {
  const angle = (rotation * Math.PI) / 180;
  const cos = Math.cos(angle) / scale;
  const sin = Math.sin(angle) / scale;
  const moves = elastic === 0 ? undefined : elasticMoves(points.map((value) => value * elastic), [shape[1], shape[2]]);
  return resample(image, shape, [cos, sin - shear * cos, -sin, cos + shear * sin], { moves });
}

/**
 * A coarse grid of displacements, its corners on those of the image, made smooth between by bicubic
 * interpolation (after Simard et al., 2003, who smooth displacements of every pixel).
 * @param {Float32Array} points x, then y of CONTROL_POINTS ** 2 places, row by row
 * @param {[number, number]} size height and width
 * @returns {Float32Array} x, then y of each pixel, in the unit of the points
 */
export function elasticMoves(points, [height, width]) {
  const down = cubicWeights(height);
  const across = cubicWeights(width);
  // The grid is stretched to the image's width first and then to its height: a third of the products.
  const lines = new Float64Array(2 * CONTROL_POINTS * width);
  for (let i = 0; i < lines.length; i++) {
    const point = Math.floor(i / width) * CONTROL_POINTS;
    const weight = (i % width) * CONTROL_POINTS;
    for (let x = 0; x < CONTROL_POINTS; x++) lines[i] += across[weight + x] * points[point + x];
  }
  const moves = new Float32Array(2 * height * width);
  for (let i = 0; i < moves.length; i++) {
    const row = Math.floor(i / width);
    const line = (row < height ? 0 : CONTROL_POINTS * width) + (i % width);
    const weight = (row % height) * CONTROL_POINTS;
    let move = 0;
    for (let y = 0; y < CONTROL_POINTS; y++) move += down[weight + y] * lines[line + y * width];
    moves[i] = move;
  }
  return moves;
}

/** @param {number} length pixels @returns {Float32Array} what each control point adds to each pixel */
function cubicWeights(length) {
  const weights = new Float32Array(length * CONTROL_POINTS);
  const last = CONTROL_POINTS - 1;
  for (let pixel = 0; pixel < length; pixel++) {
    const place = length > 1 ? (pixel * last) / (length - 1) : 0;
    const before = Math.floor(place);
    for (let point = before - 1; point <= before + 2; point++) {
      // Beyond the grid its border goes on.
      const held = Math.min(last, Math.max(0, point));
      weights[pixel * CONTROL_POINTS + held] += cubicKernel(Math.abs(place - point));
    }
  }
  return weights;
}

/** @param {number} distance in 0 .. 2 */
function cubicKernel(distance) {
  if (distance <= 1) return ((KERNEL_SLOPE + 2) * distance - (KERNEL_SLOPE + 3)) * distance ** 2 + 1;
  return KERNEL_SLOPE * (((distance - 5) * distance + 8) * distance - 4);
}

/**
 * Each output pixel takes the value at `matrix` times its place about the centre, less the shift,
 * plus its own move.
 * @param {Float32Array} image @param {Shape} shape
 * @param {[number, number, number, number]} matrix x and y row
 * @param {{right?: number, down?: number, moves?: Float32Array}} offsets moves as elasticMoves gives
 */
function resample(image, [channels, height, width], [xx, xy, yx, yy], { right = 0, down = 0, moves }) {
  if (xx === 1 && xy === 0 && yx === 0 && yy === 1 && right === 0 && down === 0 && !moves) {
    return image.slice();
  }
  const out = new Float32Array(image.length);
  const plane = height * width;
  const middleX = (width - 1) / 2;
  const middleY = (height - 1) / 2;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const at = row * width + column;
      let x = xx * (column - middleX) + xy * (row - middleY) + middleX - right;
      let y = yx * (column - middleX) + yy * (row - middleY) + middleY - down;
      if (moves) {
        x += moves[at];
        y += moves[plane + at];
      }
      for (let first = 0; first < channels * plane; first += plane) {
        out[first + at] = bilinear(image, first, height, width, x, y);
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
