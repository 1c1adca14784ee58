/**
 * Where all references flow under f = E∘D, as a run's file of dynamics tells it.
 *
 *   parseDynamics(value, assets)   what docs/dynamics.md describes -> Dynamics; throws PageError
 *   stopsOf(last)                  numbers of steps after which places are known: 0, 1, 2, 5 ... last
 *   placesAt(places, place)        Float32Array (N, 3), as the shader mixes them
 *   keptAt(dynamics, steps)        the last measured {steps, share} up to there; null without labels
 *   attractorOf(dynamics, latent)  which attractor a latent has come near to, or -1
 *   nearestAttractor(dynamics, latent)
 */

import { PageError } from "./errors.js";
import { asFile } from "./fields.js";
import { isObject } from "./safetensors.js";

/** @typedef {import("./assets.js").InteractiveAssets} InteractiveAssets */

/**
 * @typedef {object} Attractor
 * @property {number} count references that reach it
 * @property {number} period 1 for a fixed point
 * @property {Float32Array} latent
 * @property {number[]} point where it is in the layout
 * @property {Uint8Array} picture C * H * W
 * @property {{image: number, label: number | null, distance: number, picture: Uint8Array | null} | null} nearest
 *   the training image that is nearest to the picture: its position, its label, the euclidean distance
 */

/**
 * @typedef {object} Dynamics
 * @property {number[]} stops numbers of steps, the last the most that were made
 * @property {Float32Array[]} places (N, 3) for each of the stops; the last are the attractors', where
 *   one is reached
 * @property {Int32Array} members (N) of each reference the attractor, -1 for none
 * @property {Int32Array} settled (N) after how many steps; -1 for never
 * @property {Attractor[]} attractors the one with the most references first
 * @property {number} scale mean distance of latents from their mean
 * @property {number} k neighbours that name a latent
 * @property {number} images of which the following were measured
 * @property {number[]} times
 * @property {number[] | null} accuracies at these, null without labels
 * @property {number | null} safe most steps that lose no more than one in a hundred
 * @property {number} converged share
 * @property {number} cycling share
 * @property {number} diverging share
 */

const PATH_TIMES = [1, 2, 5, 10, 20, 50];
const DEFAULT_STEPS = 200;
/** Ends that are nearer to each other are one attractor, in units of the scale. */
const NEAR = 0.02;
/** Of the extent of a layout: as files round it. */
const SAME_PLACE = 1e-4;

/** @param {string} what */
const broken = (what) => new PageError("value", `The file of the dynamics ${what}.`, "Make it again: grounding dynamics --config NAME.");

/** @param {number} [last] */
export const stopsOf = (last = DEFAULT_STEPS) => [0, ...PATH_TIMES.filter((t) => t < last), last];

/** @param {readonly Float32Array[]} places @param {number} place */
export function placesAt(places, place) {
  const at = Math.min(places.length - 2, Math.floor(place));
  const [from, to, share] = [places[at], places[at + 1], place - at];
  return share ? from.map((value, i) => value + share * (to[i] - value)) : from;
}

/** @param {Pick<Dynamics, "times" | "accuracies">} dynamics @param {number} steps */
export function keptAt({ times, accuracies }, steps) {
  if (!accuracies) return null;
  const at = Math.max(0, times.filter((time) => time <= steps + 1e-9).length - 1);
  return { steps: times[at], share: accuracies[at] };
}

/** @param {Pick<Dynamics, "attractors">} dynamics @param {ArrayLike<number>} latent @returns {{index: number, distance: number}} */
export function nearestAttractor({ attractors }, latent) {
  let [index, least] = [-1, Infinity];
  attractors.forEach(({ latent: other }, i) => {
    let sum = 0;
    for (let j = 0; j < other.length && sum < least; j++) sum += (latent[j] - other[j]) ** 2;
    if (sum < least) [index, least] = [i, sum];
  });
  return { index, distance: Math.sqrt(least) };
}

/** @param {Pick<Dynamics, "attractors" | "scale">} dynamics @param {ArrayLike<number>} latent */
export function attractorOf(dynamics, latent) {
  const { index, distance } = nearestAttractor(dynamics, latent);
  return distance < NEAR * dynamics.scale ? index : -1;
}

/** @param {unknown} value @param {InteractiveAssets} assets @returns {Dynamics} */
export function parseDynamics(value, assets) {
  const file = asFile(value, ["steps", "scale", "times", "gallery"]);
  const sha = file.checkpoint_sha256;
  if (typeof sha === "string" && assets.about.checkpointSha256 && sha !== assets.about.checkpointSha256) {
    throw new PageError("mismatch", "The file of the dynamics is of another checkpoint than the points.", "Make both again: grounding run --config NAME.");
  }
  const { count, latentDim } = assets;
  const pixels = assets.digitSamples.length / assets.digits;
  if (!("reference_points" in file)) throw broken("was made by an earlier version and does not cover all points");
  const start = numbers(file, "reference_points", [count, 3]);
  checkLayout(start, assets.points);
  const last = Number(file.steps);
  if (!Number.isInteger(last) || last < 1 || last > 1e6) throw broken("has no number of steps");
  const kept = PATH_TIMES.filter((t) => t <= last);
  const path = numbers(file, "reference_path", [count, kept.length, 3]);
  const size = Array.isArray(file.gallery) ? file.gallery.length : 0;
  const shape = (/** @type {number} */ columns) => [size, columns];
  const latents = numbers(file, "attractor_latents", shape(latentDim));
  const points = numbers(file, "attractor_points", shape(3));
  const pictures = bytes(file, "attractor_images", shape(pixels));
  const nearest = "attractor_nearest_images" in file ? bytes(file, "attractor_nearest_images", shape(pixels)) : null;
  const periods = numbers(file, "attractor_periods", [size]);
  const given = numbers(file, "reference_attractor", [count]);
  const counts = new Int32Array(size);
  for (const member of given) {
    if (member < -1 || member >= size) throw broken("names an attractor that it does not have");
    if (member >= 0) counts[member]++;
  }
  const order = Array.from(counts, (_, i) => i).sort((a, b) => counts[b] - counts[a] || a - b);
  const rank = new Int32Array(size);
  order.forEach((index, i) => (rank[index] = i));
  const row = (/** @type {number} */ i) => Float32Array.from(points.subarray(3 * i, 3 * i + 3));
  const attractors = order.map((i) => ({
    count: counts[i],
    period: periods[i],
    latent: Float32Array.from(latents.subarray(i * latentDim, (i + 1) * latentDim)),
    point: [...row(i)],
    picture: /** @type {Uint8Array} */ (pictures.subarray(i * pixels, (i + 1) * pixels)),
    nearest: nearestOf(/** @type {unknown[]} */ (file.gallery)[i], nearest?.subarray(i * pixels, (i + 1) * pixels)),
  }));
  const members = Int32Array.from(given, (member) => (member < 0 ? -1 : rank[member]));
  const between = kept.filter((t) => t < last).map((_, k) => column(path, count, kept.length, k));
  const end = Float32Array.from(between.at(-1) ?? start);
  for (let i = 0; i < count; i++) if (members[i] >= 0) end.set(attractors[members[i]].point, 3 * i);
  return {
    stops: stopsOf(last),
    places: [Float32Array.from(start), ...between, end],
    members,
    settled: Int32Array.from(numbers(file, "reference_steps", [count])),
    attractors,
    ...measuredIn(file),
  };
}

/** @param {Record<string, unknown>} file */
function measuredIn(file) {
  const list = (/** @type {unknown} */ value) => (Array.isArray(value) ? value.map(Number) : []);
  const times = list(file.times);
  const accuracies = list(file.knn_accuracy);
  const whole = (/** @type {unknown} */ value) => (typeof value === "number" && Number.isFinite(value) ? value : 0);
  if (!times.length || ![...times, ...accuracies].every(Number.isFinite)) throw broken("has no numbers of steps");
  return {
    scale: whole(file.scale),
    images: whole(file.images),
    k: whole(file.k),
    times,
    accuracies: accuracies.length === times.length ? accuracies : null,
    safe: typeof file.safe_horizon === "number" ? file.safe_horizon : null,
    converged: whole(file.converged),
    cycling: whole(file.cycling),
    diverging: whole(file.diverging),
  };
}

/** @param {unknown} entry of the gallery @param {ArrayLike<number>} [picture] */
function nearestOf(entry, picture) {
  if (!isObject(entry) || typeof entry.nearest_training_image !== "number") return null;
  const { nearest_training_image: image, nearest_training_label: label, nearest_training_distance: distance } = entry;
  return {
    image,
    label: typeof label === "number" ? label : null,
    distance: Number(distance),
    picture: picture ? Uint8Array.from(picture) : null,
  };
}

/** @param {ArrayLike<number>} start @param {Float32Array} points */
function checkLayout(start, points) {
  let [extent, apart] = [0, 0];
  for (let i = 0; i < points.length; i++) {
    extent = Math.max(extent, Math.abs(points[i]));
    apart = Math.max(apart, Math.abs(points[i] - start[i]));
  }
  if (apart > SAME_PLACE * extent) {
    const next = "Make both as they are by default: grounding export --config NAME, grounding dynamics --config NAME.";
    throw new PageError("mismatch", "The file of the dynamics was made for another map of the points.", next);
  }
}

/** @param {Record<string, unknown>} file @param {string} key @param {number[]} shape @returns {Float32Array | Int32Array | Uint8Array} */
function array(file, key, shape) {
  const value = file[key];
  const isThere = isObject(value) && Array.isArray(value.shape) && ArrayBuffer.isView(value.data);
  if (!isThere) throw broken(`lacks ${key}`);
  const { shape: found, data } = /** @type {import("./safetensors.js").NamedArray} */ (value);
  const fits = found.length === shape.length && shape.every((side, i) => side === found[i]);
  if (!fits) throw broken(`has ${key} for ${found[0]} in place of ${shape[0]}`);
  return data;
}

/** @param {Record<string, unknown>} file @param {string} key @param {number[]} shape */
function numbers(file, key, shape) {
  const data = array(file, key, shape);
  if (!data.every(Number.isFinite)) throw broken(`has ${key} that are not finite`);
  return data;
}

/** @param {Record<string, unknown>} file @param {string} key @param {number[]} shape */
function bytes(file, key, shape) {
  const data = array(file, key, shape);
  if (!(data instanceof Uint8Array)) throw broken(`has ${key} that are no pictures`);
  return data;
}

/** @param {ArrayLike<number>} path (count, times, 3) @param {number} count @param {number} times @param {number} k */
function column(path, count, times, k) {
  const out = new Float32Array(3 * count);
  for (let i = 0; i < count; i++) for (let axis = 0; axis < 3; axis++) out[3 * i + axis] = path[3 * (i * times + k) + axis];
  return out;
}
