/**
 * From neighbours to a place on the manifold, and how far off the manifold a latent is.
 *
 *   barycentricWeights(distances)                    -> Float64Array, sums to 1
 *   barycentricPosition(indices, distances, points)  -> [x, y, z]
 *   classVotes(indices, labels)                      -> [{label, count}], most votes first
 *   toUnitLength(latents, dim)                       -> Float32Array, each row of them
 *   searched({l2Normalized, latentDim}, latents)     -> as they are searched: of unit length, or as they are
 *   unitOf(sortedOwn)                                -> the median, what distances are measured in
 *   offManifold(distance, sortedOwn)                 -> {quantile in [0, 1], ratio to that unit}
 *
 * sortedOwn: how far references lie from their nearest others, ascending.
 */

const SOFTENING = 1e-6;
const SHORTEST = 1e-12;

/** @param {ArrayLike<number>} distances @returns {Float64Array} 1 / (d + 1e-6), scaled to sum 1 */
export function barycentricWeights(distances) {
  const weights = Float64Array.from(distances, (distance) => 1 / (distance + SOFTENING));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/**
 * @param {ArrayLike<number>} indices references, at least one
 * @param {ArrayLike<number>} distances to each of them
 * @param {ArrayLike<number>} points (N, 3)
 * @returns {[number, number, number]}
 */
export function barycentricPosition(indices, distances, points) {
  const weights = barycentricWeights(distances);
  /** @type {[number, number, number]} */
  const place = [0, 0, 0];
  for (let i = 0; i < weights.length; i++) {
    for (let axis = 0; axis < 3; axis++) place[axis] += weights[i] * points[indices[i] * 3 + axis];
  }
  return place;
}

/**
 * @param {ArrayLike<number>} indices @param {ArrayLike<number>} labels
 * @returns {{label: number, count: number}[]} most votes first, then the lower label
 */
export function classVotes(indices, labels) {
  /** @type {Map<number, number>} */
  const counts = new Map();
  for (let i = 0; i < indices.length; i++) {
    const label = labels[indices[i]];
    counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  return [...counts]
    .map(([label, count]) => ({ label, count }))
    .sort((a, b) => b.count - a.count || a.label - b.label);
}

/** @param {Float32Array} latents (N, dim) @param {number} dim @returns {Float32Array} rows of length 1; zeros stay zeros */
export function toUnitLength(latents, dim) {
  const out = new Float32Array(latents.length);
  for (let at = 0; at < out.length; at += dim) {
    let sum = 0;
    for (let i = at; i < at + dim; i++) sum += latents[i] * latents[i];
    const norm = Math.max(Math.sqrt(sum), SHORTEST);
    for (let i = at; i < at + dim; i++) out[i] = latents[i] / norm;
  }
  return out;
}

/** @param {{l2Normalized: boolean, latentDim: number}} references @param {Float32Array} latents (N, latentDim) */
export function searched({ l2Normalized, latentDim }, latents) {
  return l2Normalized ? toUnitLength(latents, latentDim) : latents;
}

/**
 * The median distance of a reference to its nearest other; where most have a duplicate, the median of
 * those that have none.
 * @param {ArrayLike<number>} sortedOwn @returns {number | null} above 0; null when there is none
 */
export function unitOf(sortedOwn) {
  const all = Array.from(sortedOwn);
  const [some, positive] = [median(all), all.filter((distance) => distance > 0)];
  return some > 0 ? some : positive.length ? median(positive) : null;
}

/** @param {number[]} sorted */
function median(sorted) {
  return sorted.length ? (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2 : 0;
}

/**
 * Compare a probe's distance to its nearest reference with how far references lie from each other.
 * @param {number} distance
 * @param {ArrayLike<number>} sortedOwn
 * @returns {{quantile: number, ratio: number} | null} quantile: share of references that lie
 *   nearer to their nearest than the probe does to its own; ratio: to the unit. Null when there is
 *   nothing to compare with.
 */
export function offManifold(distance, sortedOwn) {
  const count = sortedOwn.length;
  const unit = unitOf(sortedOwn);
  if (unit === null) return null;
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sortedOwn[middle] < distance) low = middle + 1;
    else high = middle;
  }
  return { quantile: low / count, ratio: distance / unit };
}
