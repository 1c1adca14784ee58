/**
 * Paths through the latent space; encoder and decoder are passed in and work on whole batches.
 *
 *   straightPath(a, b, steps)                 -> Float32Array (steps, D): z_t at t = 0 .. 1
 *   pointBetween(a, b, t)                     -> Float32Array (D): (1 - t) a + t b
 *   driftOf(z, regrounded, dim)               -> Float64Array (steps): |E(D(z)) - z| of each row
 *   reground(z, count, models)                -> {decoded, latents}: D(z) and E(D(z))
 *   flowOf(z, models, {times, rest})          -> z after these numbers of steps
 *   regroundUntilSettled(z, models, options)  -> {trail, drifts, settled}
 */

/**
 * @typedef {object} Models
 * @property {(latents: Float32Array, count: number) => Promise<Float32Array>} decode (B, D) -> images
 * @property {(images: Float32Array, count: number) => Promise<Float32Array>} encode images -> (B, D)
 */

/** @param {ArrayLike<number>} a @param {ArrayLike<number>} b @param {number} t in [0, 1] */
export function pointBetween(a, b, t) {
  return Float32Array.from(a, (value, i) => (1 - t) * value + t * b[i]);
}

/** @param {ArrayLike<number>} a @param {ArrayLike<number>} b @param {number} steps at least 2 */
export function straightPath(a, b, steps) {
  const path = new Float32Array(steps * a.length);
  for (let i = 0; i < steps; i++) path.set(pointBetween(a, b, i / (steps - 1)), i * a.length);
  return path;
}

/** @param {Float32Array} z (B, dim) @param {Float32Array} regrounded (B, dim) @param {number} dim */
export function driftOf(z, regrounded, dim) {
  return Float64Array.from({ length: z.length / dim }, (_, row) => {
    let sum = 0;
    for (let i = row * dim; i < (row + 1) * dim; i++) sum += (regrounded[i] - z[i]) ** 2;
    return Math.sqrt(sum);
  });
}

/** @param {Float32Array} z (count, D) @param {number} count @param {Models} models */
export async function reground(z, count, { decode, encode }) {
  const decoded = await decode(z, count);
  return { decoded, latents: await encode(decoded, count) };
}

/**
 * Reground again and again until a step is short.
 * @param {Float32Array} z (D) where to start @param {Models} models
 * @param {{tolerance: number, limit: number, measure: (a: Float32Array, b: Float32Array) => number}} options
 *   tolerance: a step this long or shorter ends it; limit: most steps; measure: how long a step is
 * @returns {Promise<{trail: Float32Array[], drifts: number[], settled: boolean}>} trail[0] is z,
 *   trail[i + 1] lies drifts[i] from trail[i]
 */
export async function regroundUntilSettled(z, models, { tolerance, limit, measure }) {
  const trail = [z];
  /** @type {number[]} */
  const drifts = [];
  while (drifts.length < limit) {
    const last = trail[trail.length - 1];
    const { latents } = await reground(last, 1, models);
    trail.push(latents);
    drifts.push(measure(last, latents));
    if (drifts[drifts.length - 1] <= tolerance) return { trail, drifts, settled: true };
  }
  return { trail, drifts, settled: false };
}

/**
 * Where a latent is after some numbers of steps of f, and what is decoded there. Once it rests it stays; once
 * it is no finite latent any more, it stays where it was before.
 * @param {Float32Array} z (D) @param {Models} models
 * @param {{times: readonly number[], rest: number}} options times: ascending; rest: a step this short leads nowhere
 * @returns {Promise<{visited: Float32Array[], decoded: Float32Array[], rests: number | null, left: number | null,
 *   lengths: number[]}>} one latent and one picture for each of the times; rests, left: after how many
 *   steps; lengths: milliseconds of each step
 */
export async function flowOf(z, models, { times, rest }) {
  /** @type {Float32Array[]} */
  const visited = [];
  /** @type {Float32Array[]} */
  const pictures = [];
  /** @type {number[]} */
  const lengths = [];
  /** @type {number | null} */
  let rests = null;
  /** @type {number | null} */
  let left = null;
  let here = z;
  /** @type {Float32Array | null} */
  let picture = null;
  for (let t = 0; visited.length < times.length; t++) {
    const isStill = rests !== null || left !== null;
    const start = performance.now();
    picture ??= await models.decode(here, 1);
    if (t === times[visited.length]) {
      visited.push(here);
      pictures.push(picture);
      if (visited.length === times.length) break;
    }
    if (isStill) continue;
    const next = await models.encode(picture, 1);
    lengths.push(performance.now() - start);
    if (!next.every(Number.isFinite)) left = t + 1;
    else {
      if (driftOf(here, next, z.length)[0] < rest) rests = t;
      [here, picture] = [next, null];
    }
  }
  return { visited, decoded: pictures, rests, left, lengths };
}
