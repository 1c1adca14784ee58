/**
 * An orbiting perspective camera as plain numbers; nothing here changes its arguments.
 *
 *   fit(positions, aspect, {from, only}) -> Camera that sees all points; a plane, at first, from in front
 *   bounds(positions, only)        -> {middle, radius} of them, or null of none
 *   orbit(camera, right, down)     radians; zoom(camera, factor); pan(camera, dx, dy, height) px
 *   zoomAt(camera, factor, {x, y}, {width, height}, ratio)  what is under x, y stays there
 *   eye(camera)                    -> [x, y, z]
 *   flattest(positions)            -> {turn, tilt} of a look along the axis of least variance
 *   viewProjection(camera, aspect, flatness) -> Float64Array(16), column-major, clip = M * world
 *   project(matrix, x, y, z, width, height) -> {x, y, depth} in CSS pixels, depth > 0 in front
 *   cameraToVector(camera), cameraFromVector(vector | null)  -> six numbers for the URL
 *
 * y is up. Angle `turn` is about y, `tilt` above the horizon, in radians. `flatness` from 0 to 1 brings all
 * points to the target's depth: at 1 the picture is a plane, and nothing in it is nearer than anything else.
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
 * Zoom along the ray through a place of the screen: all that is on it stays where it is seen.
 * @param {Camera} camera @param {number} factor below 1 comes nearer
 * @param {{x: number, y: number}} at @param {{width: number, height: number}} size in CSS pixels
 * @param {number} [ratio] depth of what is zoomed at, over the camera's distance: it comes nearer by `factor`
 * @returns {Camera}
 */
export function zoomAt(camera, factor, { x, y }, { width, height }, ratio = 1) {
  const nearer = zoom(camera, factor);
  const went = camera.distance - nearer.distance;
  const perPixel = (2 * Math.tan(FIELD_OF_VIEW / 2)) / height;
  const { right, up, back } = axes(camera);
  const [along, above] = [(x - width / 2) * perPixel, (height / 2 - y) * perPixel];
  const step = went * ratio;
  // The eye goes along the ray by `step`; the target keeps its place before the eye.
  const [tx, ty, tz] = camera.target.map((value, i) => value + step * (along * right[i] + above * up[i]) - (step - went) * back[i]);
  return { ...nearer, target: [tx, ty, tz] };
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
  const from = given ?? (isPlane(positions) ? IN_FRONT : START);
  const seen = bounds(positions, only);
  if (!seen) return { ...from };
  const half = FIELD_OF_VIEW / 2;
  const narrowest = Math.min(half, Math.atan(Math.tan(half) * aspect));
  const distance = (1.05 * Math.max(seen.radius, 1e-2)) / Math.sin(narrowest);
  return { ...from, distance, target: seen.middle };
}

/** Whether several points have one z. @param {ArrayLike<number>} positions (N, 3) */
export function isPlane(positions) {
  for (let at = 5; at < positions.length; at += 3) if (positions[at] !== positions[2]) return false;
  return positions.length > 3;
}

/**
 * The ball around the middle of the box around points.
 * @param {ArrayLike<number>} positions (N, 3) @param {(index: number) => boolean} [only]
 * @returns {{middle: [number, number, number], radius: number} | null} null of no points
 */
export function bounds(positions, only) {
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
  if (low[0] > high[0]) return null;
  const [cx, cy, cz] = low.map((value, axis) => (value + high[axis]) / 2);
  let radius2 = 0;
  for (let i = 0; i < count; i++) {
    if (only && !only(i)) continue;
    const x = positions[3 * i] - cx;
    const y = positions[3 * i + 1] - cy;
    const z = positions[3 * i + 2] - cz;
    radius2 = Math.max(radius2, x * x + y * y + z * z);
  }
  return { middle: [cx, cy, cz], radius: Math.sqrt(radius2) };
}

/**
 * The look at which points are spread most: along the eigenvector of least variance, from in front.
 * @param {ArrayLike<number>} positions (N, 3) @returns {{turn: number, tilt: number}}
 */
export function flattest(positions) {
  const count = positions.length / 3;
  const mean = [0, 0, 0];
  for (let i = 0; i < positions.length; i++) mean[i % 3] += positions[i] / count;
  const [xx, xy, xz, yy, yz, zz] = [0, 1, 2, 4, 5, 8].map((cell) => {
    const [a, b] = [Math.floor(cell / 3), cell % 3];
    let sum = 0;
    for (let at = 0; at < positions.length; at += 3) sum += (positions[at + a] - mean[a]) * (positions[at + b] - mean[b]);
    return sum / count;
  });
  // Power iteration on trace - covariance, whose largest eigenvector is the one of least variance.
  const trace = xx + yy + zz;
  let axis = [0, 0, 1];
  for (let round = 0; round < 200; round++) {
    const [x, y, z] = axis;
    const next = [
      (trace - xx) * x - xy * y - xz * z,
      (trace - yy) * y - xy * x - yz * z,
      (trace - zz) * z - xz * x - yz * y,
    ];
    const length = Math.hypot(...next);
    if (!length) break;
    axis = next.map((value) => value / length);
    // z alone would stay where the axes of the points are those of the space.
    if (!round) axis = axis.map((value, i) => value + 1e-3 * (i + 1));
  }
  const length = Math.hypot(...axis) * (axis[2] < 0 ? -1 : 1);
  const [x, y, z] = axis.map((value) => value / length);
  const tilt = Math.min(STEEPEST, Math.max(-STEEPEST, Math.asin(Math.min(1, Math.max(-1, y)))));
  const turn = Math.atan2(x, z);
  const isFront = Math.abs(turn) < 1e-6 && Math.abs(tilt) < 1e-6;
  return isFront ? { turn: 0, tilt: 0 } : { turn, tilt };
}

/** @param {Camera} camera @param {number} aspect @param {number} [flatness] 0 to 1 @returns {Float64Array} (16), column-major */
export function viewProjection(camera, aspect, flatness = 0) {
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
    out[4 * column + 2] = c * (1 - flatness) * back[column];
    out[4 * column + 3] = (flatness - 1) * back[column];
  }
  out[12] = (scale / aspect) * tx;
  out[13] = scale * ty;
  const depth = (1 - flatness) * tz - flatness * camera.distance;
  out[14] = c * depth + d;
  out[15] = -depth;
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
