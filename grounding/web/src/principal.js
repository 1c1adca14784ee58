/**
 * Principal axes of latents, widest first.
 *
 *   principalAxes(rows, dim, most)   -> Principal
 *   coordinatesOf(principal, z)      -> Float64Array: (z - mean) along each axis, in its standard deviations
 *   alongAxes(principal, offsets)    -> Float32Array (D): the vector of these offsets, in standard deviations
 *   dot(a, b)                        -> number
 *
 * Exact up to EXACT dimensions, by Jacobi's rotations (Golub and Van Loan, section 8.5); of more, the first
 * axes by orthogonal iteration over at most MOST_ROWS rows.
 */

/**
 * @typedef {object} Principal
 * @property {Float64Array} mean (D)
 * @property {Float64Array[]} axes (D) each, orthonormal; the largest component of each is positive
 * @property {Float64Array} deviations standard deviation along each, above 0
 */

const EXACT = 64;
const MOST_ROWS = 2_000;
const ROUNDS = 12;
const SWEEPS = 12;

/** @param {ArrayLike<number>} a @param {ArrayLike<number>} b */
export function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** @param {Float32Array} rows (N, dim) @param {number} dim @param {number} most axes @returns {Principal} */
export function principalAxes(rows, dim, most) {
  const all = rows.length / dim;
  const step = dim <= EXACT ? 1 : Math.max(1, Math.floor(all / MOST_ROWS));
  /** @type {Float64Array[]} */
  const centred = [];
  for (let row = 0; row < all; row += step) centred.push(Float64Array.from(rows.subarray(row * dim, (row + 1) * dim)));
  const mean = new Float64Array(dim);
  for (const row of centred) for (let i = 0; i < dim; i++) mean[i] += row[i] / centred.length;
  for (const row of centred) for (let i = 0; i < dim; i++) row[i] -= mean[i];

  let basis = dim <= EXACT ? identity(dim) : spread(dim, Math.min(dim, most + 8));
  for (let round = 0; round < ROUNDS && dim > EXACT; round++) basis = orthonormal(basis.map((v) => timesCovariance(centred, v)));
  // Within the basis the covariance is small, and is solved exactly.
  const covariance = covarianceOf(dim <= EXACT ? centred : centred.map((row) => Float64Array.from(basis, (v) => dot(row, v))));
  const turned = diagonalise(covariance);
  const order = basis.map((_, i) => i).sort((a, b) => covariance[b][b] - covariance[a][a]);
  const largest = covariance[order[0]][order[0]];
  const kept = order.slice(0, most).filter((i) => covariance[i][i] > 1e-10 * largest);
  const axes = kept.map((i) => {
    const axis = new Float64Array(dim);
    basis.forEach((v, k) => { for (let j = 0; j < dim; j++) axis[j] += turned[i][k] * v[j]; });
    return upright(axis);
  });
  return { mean, axes, deviations: Float64Array.from(kept, (i) => Math.sqrt(covariance[i][i])) };
}

/** @param {number} size */
const identity = (size) => Array.from({ length: size }, (_, i) => Float64Array.from({ length: size }, (_, j) => Number(i === j)));

/** Directions of no pattern that a data set would have. @param {number} dim @param {number} count */
const spread = (dim, count) => orthonormal(Array.from({ length: count }, (_, k) => Float64Array.from({ length: dim }, (_, i) => Math.sin(1 + 1.7 * (i + 1) * (k + 1) + k * k))));

/** @param {Float64Array[]} centred */
function covarianceOf(centred) {
  const out = identity(centred[0].length);
  for (const [i, along] of out.entries()) {
    along.fill(0, i);
    for (const row of centred) for (let j = i; j < row.length; j++) along[j] += row[i] * row[j];
    for (let j = i; j < along.length; j++) out[j][i] = along[j] /= centred.length;
  }
  return out;
}

/** @param {Float64Array[]} centred @param {Float64Array} v */
function timesCovariance(centred, v) {
  const out = new Float64Array(v.length);
  for (const row of centred) {
    const along = dot(row, v);
    for (let i = 0; i < out.length; i++) out[i] += along * row[i];
  }
  return out;
}

/** Gram and Schmidt. @param {Float64Array[]} vectors */
function orthonormal(vectors) {
  /** @type {Float64Array[]} */
  const out = [];
  for (const vector of vectors) {
    const v = vector.slice();
    const before = Math.sqrt(dot(v, v));
    for (let twice = 0; twice < 2; twice++) {
      for (const u of out) {
        const along = dot(u, v);
        for (let i = 0; i < v.length; i++) v[i] -= along * u[i];
      }
    }
    const length = Math.sqrt(dot(v, v));
    if (length > 1e-12 * before) out.push(v.map((value) => value / length));
  }
  return out;
}

/**
 * Leaves the eigenvalues on the diagonal.
 * @param {Float64Array[]} a symmetric @returns {Float64Array[]} eigenvectors, as rows
 */
function diagonalise(a) {
  const n = a.length;
  const vectors = identity(n);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    let [off, all] = [0, 0];
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) {
      all += a[i][j] ** 2;
      if (i !== j) off += a[i][j] ** 2;
    }
    if (off <= 1e-24 * all) break;
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) {
      if (!a[p][q]) continue;
      const theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
      const t = Math.sign(theta || 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
      const c = 1 / Math.sqrt(t * t + 1);
      const s = t * c;
      for (let k = 0; k < n; k++) [a[k][p], a[k][q]] = [c * a[k][p] - s * a[k][q], s * a[k][p] + c * a[k][q]];
      for (const rows of [a, vectors]) {
        for (let k = 0; k < n; k++) [rows[p][k], rows[q][k]] = [c * rows[p][k] - s * rows[q][k], s * rows[p][k] + c * rows[q][k]];
      }
    }
  }
  return vectors;
}

/** @param {Float64Array} v */
function upright(v) {
  const largest = v.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);
  return largest < 0 ? v.map((value) => -value) : v;
}

/** @param {Principal} principal @param {ArrayLike<number>} z (D) */
export function coordinatesOf({ mean, axes, deviations }, z) {
  const away = mean.map((value, i) => z[i] - value);
  return deviations.map((deviation, i) => dot(away, axes[i]) / deviation);
}

/** @param {Principal} principal @param {ReadonlyMap<number, number>} offsets */
export function alongAxes({ mean, axes, deviations }, offsets) {
  const out = new Float32Array(mean.length);
  for (const [axis, amount] of offsets) {
    if (axis >= axes.length) continue;
    for (let i = 0; i < out.length; i++) out[i] += amount * deviations[axis] * axes[axis][i];
  }
  return out;
}
