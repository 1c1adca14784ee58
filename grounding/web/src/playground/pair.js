/**
 * Two references worth interpolating between.
 *
 *   sensiblePair(latents, labels, dim)   -> [from, to]: typical points of the two classes whose
 *                                           means lie farthest apart; of one class, two of its points
 *   typical(latents, labels, dim, label) -> the reference of a class that is nearest to its mean, or -1
 *   isPair(from, to, count)              -> both are references
 */

/** Enough for a mean; more only takes time. */
const MOST_ROWS = 4_000;

/** @param {number | null} from @param {number | null} to @param {number} count */
export function isPair(from, to, count) {
  return from !== null && to !== null && from < count && to < count;
}

/**
 * @param {Float32Array} latents (N, dim) @param {Int32Array} labels (N) @param {number} dim
 * @returns {[number, number]}
 */
export function sensiblePair(latents, labels, dim) {
  const rows = Array.from({ length: Math.min(labels.length, MOST_ROWS) }, (_, i) => i);
  const means = classMeans(latents, labels, dim, rows);
  let [best, pair] = [-1, [means[0], means[0]]];
  for (const a of means) {
    for (const b of means) {
      const apart = squared(a.mean, 0, b.mean, dim);
      if (a.label < b.label && apart > best) [best, pair] = [apart, [a, b]];
    }
  }
  const [from, to] = pair.map((one) => nearestTo(one, latents, labels, dim, rows));
  return from === to ? [from, labels.length > 1 ? (from + 1) % labels.length : from] : [from, to];
}

/** @param {Float32Array} latents @param {Int32Array} labels @param {number} dim @param {number} label */
export function typical(latents, labels, dim, label) {
  const rows = Array.from({ length: Math.min(labels.length, MOST_ROWS) }, (_, i) => i);
  const one = classMeans(latents, labels, dim, rows).find((known) => known.label === label);
  return one ? nearestTo(one, latents, labels, dim, rows) : labels.indexOf(label);
}

/**
 * @param {{label: number, mean: Float64Array}} one @param {Float32Array} latents @param {Int32Array} labels
 * @param {number} dim @param {number[]} rows
 */
function nearestTo({ label, mean }, latents, labels, dim, rows) {
  const own = rows.filter((row) => labels[row] === label);
  return own.reduce((near, row) => (squared(latents, row * dim, mean, dim) < squared(latents, near * dim, mean, dim) ? row : near));
}

/** @param {Float32Array} latents @param {Int32Array} labels @param {number} dim @param {number[]} rows */
function classMeans(latents, labels, dim, rows) {
  /** @type {Map<number, {label: number, count: number, mean: Float64Array}>} */
  const classes = new Map();
  for (const row of rows) {
    const label = labels[row];
    const one = classes.get(label) ?? { label, count: 0, mean: new Float64Array(dim) };
    classes.set(label, one);
    one.count++;
    for (let i = 0; i < dim; i++) one.mean[i] += (latents[row * dim + i] - one.mean[i]) / one.count;
  }
  return [...classes.values()];
}

/** @param {ArrayLike<number>} a @param {number} start @param {ArrayLike<number>} b @param {number} dim */
function squared(a, start, b, dim) {
  let sum = 0;
  for (let i = 0; i < dim; i++) sum += (a[start + i] - b[i]) ** 2;
  return sum;
}
