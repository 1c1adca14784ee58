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

/**
 * @typedef {object} Plane
 * @property {Float64Array} origin (D)
 * @property {[Float64Array, Float64Array]} axes (D) each, orthonormal
 * @property {[number, number]} centre
 * @property {number} half
 */

const ROUNDS = 100;
const MOST_ROWS = 2_000;
/** Share of the references that lie inside, by either coordinate. */
const INSIDE = 0.98;
/** Around the triangle, in units of its extent. */
const MARGIN = 0.25;

/** @param {ArrayLike<number>} a @param {ArrayLike<number>} b */
function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

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
  const all = rows.length / dim;
  const step = Math.max(1, Math.floor(all / MOST_ROWS));
  const origin = new Float64Array(dim);
  /** @type {Float64Array[]} */
  const centred = [];
  for (let row = 0; row < all; row += step) centred.push(Float64Array.from(rows.subarray(row * dim, (row + 1) * dim)));
  for (const row of centred) for (let i = 0; i < dim; i++) origin[i] += row[i] / centred.length;
  for (const row of centred) for (let i = 0; i < dim; i++) row[i] -= origin[i];
  const axes = leadingDirections(centred, dim);
  const coordinates = axes.map((axis) => centred.map((row) => Math.abs(dot(row, axis))).sort((a, b) => a - b));
  const reach = coordinates.map((sorted) => sorted[Math.floor(INSIDE * (sorted.length - 1))]);
  return { origin, axes, centre: [0, 0], half: Math.max(...reach) || 1 };
}

/**
 * By orthogonal iteration, and a turn that tells the first from the second.
 * @param {Float64Array[]} centred @param {number} dim @returns {[Float64Array, Float64Array]}
 */
function leadingDirections(centred, dim) {
  const start = (/** @type {number} */ phase) => unit(Float64Array.from({ length: dim }, (_, i) => Math.sin(phase + 1.7 * (i + 1) * phase)));
  let [a, b] = [start(1), start(2)];
  b = across(b, a);
  const times = (/** @type {Float64Array} */ v) => {
    const out = new Float64Array(dim);
    for (const row of centred) {
      const along = dot(row, v);
      for (let i = 0; i < dim; i++) out[i] += along * row[i];
    }
    return out;
  };
  for (let round = 0; round < ROUNDS; round++) {
    const [next, other] = [times(a), times(b)];
    if (!dot(next, next)) break;
    a = unit(next);
    b = across(other, a);
  }
  const [ca, cb] = [times(a), times(b)];
  const angle = 0.5 * Math.atan2(2 * dot(a, cb), dot(a, ca) - dot(b, cb));
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return [upright(a.map((value, i) => cos * value + sin * b[i])), upright(b.map((value, i) => cos * value - sin * a[i]))];
}

/** A direction or its opposite: the one whose largest component is positive. @param {Float64Array} v */
function upright(v) {
  const largest = v.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);
  return largest < 0 ? v.map((value) => -value) : v;
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
