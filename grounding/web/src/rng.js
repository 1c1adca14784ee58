/**
 * Counter-based random fields: number i of a stream is a function of (seed, stream, i) alone.
 *
 *   uniformField(seed, stream, count) -> Float32Array in (0, 1)
 *   normalField(seed, stream, count)  -> Float32Array, mean 0, standard deviation 1
 *   imageFields(seed, count)          -> {noise, mask, elastic}: what augment() takes
 *   nextSeed(seed)                    -> another seed, for a re-roll
 *
 * A seed is an integer in 0 .. MAX_SEED.
 */

import { CONTROL_POINTS } from "./warp.js";

export const MAX_SEED = 0xffffffff;
const NOISE_STREAM = 1;
const MASK_STREAM = 2;
const SEED_STREAM = 3;
const ELASTIC_STREAM = 4;

/**
 * @typedef {{noise: Float32Array, mask: Float32Array, elastic: Float32Array}} Fields
 *   elastic: x, then y of each place of warp.js's control grid, standard deviation 1
 */

/** A bijection of 32 bits that changes about half of them when one changes. @param {number} x */
function mix(x) {
  x ^= x >>> 16;
  x = Math.imul(x, 0x7feb352d);
  x ^= x >>> 15;
  x = Math.imul(x, 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/**
 * @param {number} seed @param {number} stream @param {number} index
 * @returns {number} 32 bits
 */
function bits(seed, stream, index) {
  const key = mix(mix(seed ^ 0x9e3779b9) + Math.imul(stream, 0x85ebca6b));
  return mix(mix(index + Math.imul(key, 0x9e3779b1)) ^ key);
}

/** @param {number} seed @param {number} stream @param {number} index @returns {number} in (0, 1) */
function uniform(seed, stream, index) {
  return ((bits(seed, stream, index) >>> 8) + 0.5) / 0x1000000;
}

/** @param {number} seed @param {number} stream @param {number} count @returns {Float32Array} */
export function uniformField(seed, stream, count) {
  return Float32Array.from({ length: count }, (_, index) => uniform(seed, stream, index));
}

/**
 * Standard normal numbers by Box and Muller's transform.
 * @param {number} seed @param {number} stream @param {number} count @returns {Float32Array}
 */
export function normalField(seed, stream, count) {
  return Float32Array.from({ length: count }, (_, index) => {
    const radius = Math.sqrt(-2 * Math.log(uniform(seed, stream, 2 * index)));
    return radius * Math.cos(2 * Math.PI * uniform(seed, stream, 2 * index + 1));
  });
}

/** @param {number} seed @param {number} count values of an image @returns {Fields} */
export function imageFields(seed, count) {
  return {
    noise: normalField(seed, NOISE_STREAM, count),
    mask: uniformField(seed, MASK_STREAM, count),
    elastic: normalField(seed, ELASTIC_STREAM, 2 * CONTROL_POINTS ** 2),
  };
}

/** @param {number} seed @returns {number} a seed far from this one, the same one each time */
export function nextSeed(seed) {
  return bits(seed, SEED_STREAM, 0);
}
