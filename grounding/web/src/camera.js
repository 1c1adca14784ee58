/**
 * An orbiting perspective camera as plain numbers; nothing here changes its arguments.
 *
 *   fit(positions, aspect, {from, only}) -> Camera that sees all points; a plane, at first, from in front
 *   orbit(camera, right, down)     radians; zoom(camera, factor); pan(camera, dx, dy, height) px
 *   eye(camera)                    -> [x, y, z]
 *   viewProjection(camera, aspect) -> Float64Array(16), column-major, clip = M * world
 *   project(matrix, x, y, z, width, height) -> {x, y, depth} in CSS pixels, depth > 0 in front
 *   cameraToVector(camera), cameraFromVector(vector | null)  -> six numbers for the URL
 *
 * y is up. Angle `turn` is about y, `tilt` above the horizon, in radians.
 */

/**
 * @typedef {object} Camera
 * @property {number} turn
 * @property {number} tilt
 * @property {number} distance from the target, above 0
 * @property {readonly [number, number, number]} target
 */

export const FIELD_OF_VIEW = Math.PI / 4;
const STEEPEST = Math.PI / 2 - 0.01;
const NEAREST = 1e-3;
const FARTHEST = 1e6;
/** Nearest and farthest drawn depth, in units of the camera's distance. */
export const NEAR = 0.01;
export const FAR = 100;
/** @type {Readonly<Camera>} */
const START = Object.freeze({ turn: 0.6, tilt: 0.35, distance: 10, target: /** @type {const} */ ([0, 0, 0]) });
/** @type {Readonly<Camera>} */
const IN_FRONT = Object.freeze({ ...START, turn: 0, tilt: 0 });

/** @param {Camera} camera @param {number} right @param {number} down @returns {Camera} */
export function orbit(camera, right, down) {
  const tilt = Math.min(STEEPEST, Math.max(-STEEPEST, camera.tilt + down));
  return { ...camera, turn: camera.turn - right, tilt };
}

/** @param {Camera} camera @param {number} factor below 1 comes nearer @returns {Camera} */
export function zoom(camera, factor) {
  return { ...camera, distance: Math.min(FARTHEST, Math.max(NEAREST, camera.distance * factor)) };
}

/**
 * Move the scene with the cursor.
 * @param {Camera} camera @param {number} dx @param {number} dy CSS pixels
 * @param {number} height of the canvas @returns {Camera}
 */
export function pan(camera, dx, dy, height) {
  const perPixel = (2 * Math.tan(FIELD_OF_VIEW / 2) * camera.distance) / height;
  const { right, up } = axes(camera);
  const target = camera.target.map((value, i) => value + perPixel * (dy * up[i] - dx * right[i]));
  return { ...camera, target: [target[0], target[1], target[2]] };
}

/** @param {Camera} camera */
function axes({ turn, tilt }) {
  const [st, ct, se, ce] = [Math.sin(turn), Math.cos(turn), Math.sin(tilt), Math.cos(tilt)];
  return {
    right: [ct, 0, -st],
    up: [-st * se, ce, -ct * se],
    back: [st * ce, se, ct * ce],
  };
}

/** @param {Camera} camera @returns {[number, number, number]} */
export function eye(camera) {
  const { back } = axes(camera);
  const { target, distance } = camera;
  return [
    target[0] + distance * back[0],
    target[1] + distance * back[1],
    target[2] + distance * back[2],
  ];
}

/**
 * A camera that looks at the middle of the points from far enough to see all.
 * @param {ArrayLike<number>} positions (N, 3) @param {number} aspect width / height
 * @param {{from?: Camera, only?: (index: number) => boolean}} [options] from: keeps its angles;
 *   only: which points count
 * @returns {Camera}
 */
export function fit(positions, aspect, { from: given, only } = {}) {
  const [low, high] = [new Float64Array(3).fill(Infinity), new Float64Array(3).fill(-Infinity)];
  const count = positions.length / 3;
  for (let i = 0; i < count; i++) {
    if (only && !only(i)) continue;
    for (let axis = 0; axis < 3; axis++) {
      const value = positions[3 * i + axis];
      if (value < low[axis]) low[axis] = value;
      if (value > high[axis]) high[axis] = value;
    }
  }
  const from = given ?? (count > 1 && low[2] === high[2] ? IN_FRONT : START);
  if (low[0] > high[0]) return { ...from };
  const [cx, cy, cz] = low.map((value, axis) => (value + high[axis]) / 2);
  let radius2 = 0;
  for (let i = 0; i < count; i++) {
    if (only && !only(i)) continue;
    const x = positions[3 * i] - cx;
    const y = positions[3 * i + 1] - cy;
    const z = positions[3 * i + 2] - cz;
    radius2 = Math.max(radius2, x * x + y * y + z * z);
  }
  const half = FIELD_OF_VIEW / 2;
  const narrowest = Math.min(half, Math.atan(Math.tan(half) * aspect));
  const distance = (1.05 * Math.max(Math.sqrt(radius2), 1e-2)) / Math.sin(narrowest);
  return { ...from, distance, target: [cx, cy, cz] };
}

/** @param {Camera} camera @param {number} aspect @returns {Float64Array} (16), column-major */
export function viewProjection(camera, aspect) {
  const { right, up, back } = axes(camera);
  const from = eye(camera);
  const [near, far] = [camera.distance * NEAR, camera.distance * FAR];
  const scale = 1 / Math.tan(FIELD_OF_VIEW / 2);
  const along = (/** @type {number[]} */ axis) => -(axis[0] * from[0] + axis[1] * from[1] + axis[2] * from[2]);
  const [tx, ty, tz] = [along(right), along(up), along(back)];
  const c = (far + near) / (near - far);
  const d = (2 * far * near) / (near - far);
  const out = new Float64Array(16);
  for (let column = 0; column < 3; column++) {
    out[4 * column] = (scale / aspect) * right[column];
    out[4 * column + 1] = scale * up[column];
    out[4 * column + 2] = c * back[column];
    out[4 * column + 3] = -back[column];
  }
  out[12] = (scale / aspect) * tx;
  out[13] = scale * ty;
  out[14] = c * tz + d;
  out[15] = -tz;
  return out;
}

/**
 * @param {ArrayLike<number>} matrix from viewProjection
 * @param {number} x @param {number} y @param {number} z
 * @param {number} width @param {number} height of the canvas in CSS pixels
 * @returns {{x: number, y: number, depth: number}} from the upper left corner
 */
export function project(matrix, x, y, z, width, height) {
  const depth = matrix[3] * x + matrix[7] * y + matrix[11] * z + matrix[15];
  const clipX = matrix[0] * x + matrix[4] * y + matrix[8] * z + matrix[12];
  const clipY = matrix[1] * x + matrix[5] * y + matrix[9] * z + matrix[13];
  return {
    x: ((clipX / depth + 1) * width) / 2,
    y: ((1 - clipY / depth) * height) / 2,
    depth,
  };
}

/** @param {Camera} camera @returns {number[]} */
export function cameraToVector({ turn, tilt, distance, target }) {
  return [turn, tilt, distance, ...target];
}

/** @param {readonly number[] | null} vector @returns {Camera | null} null if it is no camera */
export function cameraFromVector(vector) {
  if (vector?.length !== 6 || !vector.every(Number.isFinite)) return null;
  const [turn, tilt, distance, x, y, z] = vector;
  if (Math.abs(tilt) > STEEPEST || distance < NEAREST || distance > FARTHEST) return null;
  return { turn, tilt, distance, target: [x, y, z] };
}
