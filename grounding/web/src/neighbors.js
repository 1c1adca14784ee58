/**
 * Exact nearest neighbours among the rows of a matrix.
 *
 *   nearest(matrix, dim, query, k, {exclude}) -> {indices: Int32Array, distances: Float64Array}
 *   ownNearestDistances(matrix, dim, rows)    -> Float64Array: each row's distance to its nearest other
 *   sampleRows(count, most)                   -> Int32Array: evenly spread row numbers
 *
 * A matrix is a Float32Array of N * dim values, row by row. Distances are Euclidean and ascend; of
 * equally distant rows the lower index comes first.
 */

/** @typedef {{indices: Int32Array, distances: Float64Array}} Neighbors */

/** Values summed between two looks at whether the row is already too far; written out below. */
const STRIDE = 8;

/**
 * @param {Float32Array} matrix (N, dim) @param {number} dim
 * @param {ArrayLike<number>} query (dim)
 * @param {number} k at least 1; fewer are found when there are fewer rows
 * @param {{exclude?: number}} [options] exclude: a row that does not count
 * @returns {Neighbors}
 */
export function nearest(matrix, dim, query, k, { exclude = -1 } = {}) {
  const count = Math.floor(matrix.length / dim);
  const wanted = Math.min(k, exclude >= 0 && exclude < count ? count - 1 : count);
  const squared = new Float64Array(wanted).fill(Infinity);
  const indices = new Int32Array(wanted).fill(-1);
  if (wanted < 1) return { indices, distances: squared };
  const target = Float64Array.from(query);
  const blocks = dim - (dim % STRIDE);
  let worst = Infinity;
  for (let row = 0, start = 0; row < count; row++, start += dim) {
    let sum = 0;
    let i = 0;
    for (; i < blocks && sum < worst; i += STRIDE) {
      const at = start + i;
      const a = matrix[at] - target[i];
      const b = matrix[at + 1] - target[i + 1];
      const c = matrix[at + 2] - target[i + 2];
      const d = matrix[at + 3] - target[i + 3];
      const e = matrix[at + 4] - target[i + 4];
      const f = matrix[at + 5] - target[i + 5];
      const g = matrix[at + 6] - target[i + 6];
      const h = matrix[at + 7] - target[i + 7];
      sum += a * a + b * b + (c * c + d * d) + (e * e + f * f + (g * g + h * h));
    }
    if (sum >= worst) continue;
    for (; i < dim; i++) {
      const difference = matrix[start + i] - target[i];
      sum += difference * difference;
    }
    if (sum < worst && row !== exclude) {
      insert(squared, indices, sum, row);
      worst = squared[wanted - 1];
    }
  }
  return { indices, distances: squared.map(Math.sqrt) };
}

/**
 * Put a row at its place in the ascending list, behind equals; the last one drops out.
 * @param {Float64Array} squared @param {Int32Array} indices @param {number} value @param {number} row
 */
function insert(squared, indices, value, row) {
  let low = 0;
  let high = squared.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (squared[middle] <= value) low = middle + 1;
    else high = middle;
  }
  squared.copyWithin(low + 1, low, squared.length - 1);
  indices.copyWithin(low + 1, low, indices.length - 1);
  squared[low] = value;
  indices[low] = row;
}

/**
 * @param {Float32Array} matrix (N, dim), N >= 2 @param {number} dim @param {ArrayLike<number>} rows
 * @returns {Float64Array} in the order of rows
 */
export function ownNearestDistances(matrix, dim, rows) {
  return Float64Array.from(rows, (row) => {
    const query = matrix.subarray(row * dim, (row + 1) * dim);
    return nearest(matrix, dim, query, 1, { exclude: row }).distances[0];
  });
}

/** @param {number} count @param {number} most @returns {Int32Array} ascending, at most `most` */
export function sampleRows(count, most) {
  const taken = Math.min(count, most);
  return Int32Array.from({ length: taken }, (_, i) => Math.floor((i * count) / taken));
}
