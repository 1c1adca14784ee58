/**
 * A plane in the latent space: which latents lie on it, and where others would.
 *
 *   principalPlane(rows, dim)          through the mean, along the two directions of largest variance
 *   planeThrough(a, b, c)              through three latents; null if they lie on one line
 *   latentAt(plane, x, y)              -> Float32Array (D)
 *   onPlane(plane, z)                  -> {x, y, distance}: its foot, and how far off it is
 *   gridOf(plane, side)                -> Float32Array (side * side, D): rows from above, from the left
 *   cellCentre(plane, side, row, column)  -> [x, y]
 *
 * x and y are lengths in the latent space. A square of the plane is shown: `centre` and `half` its side.
 */

import { dot, principalAxes } from "./principal.js";

/**
 * @typedef {object} Plane
 * @property {Float64Array} origin (D)
 * @property {[Float64Array, Float64Array]} axes (D) each, orthonormal
 * @property {[number, number]} centre
 * @property {number} half
 */

/** Share of the references that lie inside, by either coordinate. */
const INSIDE = 0.98;
/** Around the triangle, in units of its extent. */
const MARGIN = 0.25;

/** v less its part along u. @param {Float64Array} v @param {Float64Array} u of length 1 */
function without(v, u) {
  const along = dot(v, u);
  return v.map((value, i) => value - along * u[i]);
}

/** @param {Float64Array} v */
function unit(v) {
  const length = Math.sqrt(dot(v, v));
  return length > 0 ? v.map((value) => value / length) : v;
}

/**
 * Of length 1 and across a: v's own part there or, where it has none, an axis of the space.
 * @param {Float64Array} v @param {Float64Array} a of length 1
 */
function across(v, a) {
  const rest = without(v, a);
  if (dot(rest, rest) > 1e-18 * dot(v, v)) return unit(rest);
  const least = a.reduce((best, value, i) => (Math.abs(value) < Math.abs(a[best]) ? i : best), 0);
  return unit(without(a.map((_, i) => Number(i === least)), a));
}

/**
 * @param {Float32Array} rows (N, dim) @param {number} dim
 * @returns {Plane}
 */
export function principalPlane(rows, dim) {
  const { mean, axes } = principalAxes(rows, dim, 2);
  // Where the rows lie on a line, or are all the same, any direction does.
  const a = axes[0] ?? Float64Array.from(mean, (_, i) => Number(i === 0));
  const b = axes[1] ?? across(a, a);
  const reach = [a, b].map((axis) => {
    const middle = dot(mean, axis);
    const away = Float64Array.from({ length: rows.length / dim }, (_, row) => Math.abs(dot(rows.subarray(row * dim, (row + 1) * dim), axis) - middle)).sort();
    return away[Math.floor(INSIDE * (away.length - 1))];
  });
  return { origin: mean, axes: [a, b], centre: [0, 0], half: Math.max(...reach) || 1 };
}

/** @param {ArrayLike<number>} a @param {ArrayLike<number>} b @param {ArrayLike<number>} c @returns {Plane | null} */
export function planeThrough(a, b, c) {
  const origin = Float64Array.from(a);
  const [ab, ac] = [b, c].map((z) => origin.map((value, i) => z[i] - value));
  const first = unit(ab);
  const off = without(ac, first);
  // Lengths of float32 numbers: what is left of three points on a line is rounding.
  if (!dot(ab, ab) || dot(off, off) < 1e-8 * dot(ac, ac) || !dot(ac, ac)) return null;
  const axes = /** @type {[Float64Array, Float64Array]} */ ([first, unit(off)]);
  const corners = [[0, 0], [Math.sqrt(dot(ab, ab)), 0], [dot(ac, axes[0]), dot(ac, axes[1])]];
  const range = [0, 1].map((axis) => [Math.min(...corners.map((p) => p[axis])), Math.max(...corners.map((p) => p[axis]))]);
  const extent = Math.max(...range.map(([low, high]) => high - low));
  return { origin, axes, centre: [(range[0][0] + range[0][1]) / 2, (range[1][0] + range[1][1]) / 2], half: (0.5 + MARGIN) * extent };
}

/** @param {Plane} plane @param {number} x @param {number} y */
export function latentAt({ origin, axes: [a, b] }, x, y) {
  return Float32Array.from(origin, (value, i) => value + x * a[i] + y * b[i]);
}

/** @param {Plane} plane @param {ArrayLike<number>} z */
export function onPlane({ origin, axes: [a, b] }, z) {
  const away = origin.map((value, i) => z[i] - value);
  const [x, y] = [dot(away, a), dot(away, b)];
  const off = away.map((value, i) => value - x * a[i] - y * b[i]);
  return { x, y, distance: Math.sqrt(dot(off, off)) };
}

/** @param {Pick<Plane, "centre" | "half">} plane @param {number} side @param {number} row @param {number} column @returns {[number, number]} */
export function cellCentre({ centre, half }, side, row, column) {
  const at = (/** @type {number} */ i) => (2 * (i + 0.5)) / side - 1;
  return [centre[0] + half * at(column), centre[1] - half * at(row)];
}

/** @param {Plane} plane @param {number} side */
export function gridOf(plane, side) {
  const dim = plane.origin.length;
  const out = new Float32Array(side * side * dim);
  for (let i = 0; i < side * side; i++) {
    out.set(latentAt(plane, ...cellCentre(plane, side, Math.floor(i / side), i % side)), i * dim);
  }
  return out;
}
