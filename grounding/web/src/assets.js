/**
 * Files of latent points and interactive assets, checked and in typed arrays.
 *
 *   parseLatentPoints(value)         a parsed JSON value -> LatentPoints
 *   parseInteractiveAssets(value)    a parsed JSON value -> InteractiveAssets
 *   companionValue(companion)        a read binary companion -> a value for either of the two
 *   checkBelongTogether(assets, encoder, decoder)   throws PageError "mismatch"
 *
 * A value may hold nested arrays (JSON) or {shape, data} (companion) under the same keys. Whatever
 * is wrong with a file throws PageError; no value of a file is ever used as markup or as a key of
 * an object that has a prototype.
 */

import { PageError } from "./errors.js";

/** @typedef {import("./companion.js").Companion} Companion */
/** @typedef {import("./companion.js").NamedArray} NamedArray */

export const MAX_POINTS = 250_000;
export const MAX_LATENT_DIM = 4_096;
const MAX_VALUES = 64_000_000;
const MAX_LABEL = 999;
const MAX_TEXT = 200;
const MAX_NUMBER_COLUMNS = 32;

/**
 * @typedef {object} Provenance what a file says about itself; empty text and null where it does not
 * @property {string} experiment
 * @property {string} split
 * @property {string} checkpoint
 * @property {string} checkpointSha256
 * @property {string} projection
 * @property {number | null} neighbors UMAP's n_neighbors
 * @property {number | null} minDist UMAP's min_dist
 * @property {number | null} available points that the split had, of which these were drawn
 */

/**
 * @typedef {object} LatentPoints
 * @property {Provenance} about
 * @property {number} count
 * @property {number | null} latentDim
 * @property {boolean} l2Normalized
 * @property {Float32Array} points (count, 3)
 * @property {Int32Array} labels (count) each in 0 .. 999
 * @property {Int32Array | null} indices (count) positions in the split
 * @property {Map<string, Float32Array>} numbers further numbers of each point, by their key
 * @property {Thumbnails | null} thumbnails
 */

/** @typedef {{data: Uint8Array, shape: [number, number, number]}} Thumbnails (count, C * H * W) */

/**
 * @typedef {object} InteractiveAssets
 * @property {Provenance} about
 * @property {number} count
 * @property {number} latentDim
 * @property {boolean} l2Normalized
 * @property {number} projectionK neighbours that place a probe
 * @property {Float32Array} points (count, 3)
 * @property {Float32Array} latents (count, latentDim) that distances are measured on
 * @property {Float32Array} rawLatents (count, latentDim) as encoded
 * @property {Int32Array} labels (count) each in 0 .. 999
 * @property {Int32Array | null} indices (count) positions in the split
 * @property {[number, number, number]} imageShape C, H, W
 * @property {Float32Array} digitSamples (digits, C * H * W)
 * @property {number} digits
 * @property {Thumbnails | null} thumbnails
 */

/** @param {import("./errors.js").ErrorCode} code @param {string} message */
function refuse(code, message) {
  return new PageError(code, message, "Export the file again, or open another one.");
}

/** @param {Companion} companion @returns {Record<string, unknown>} */
export function companionValue({ meta, arrays }) {
  return Object.assign(Object.create(null), meta, arrays);
}

/** @param {unknown} value @returns {LatentPoints} */
export function parseLatentPoints(value) {
  const file = asFile(value, ["points", "labels"]);
  const count = rowCount(file, "points");
  const points = matrix(file, "points", count, 3);
  return {
    about: provenance(file),
    count,
    latentDim: Number.isInteger(file.latent_dim) ? Number(file.latent_dim) : null,
    l2Normalized: file.l2_normalized === true,
    points,
    labels: integers(file, "labels", count, MAX_LABEL),
    indices: "indices" in file ? integers(file, "indices", count, 0x7fffffff) : null,
    numbers: numberColumns(file, count),
    thumbnails: thumbnails(file, count),
  };
}

const ASSET_KEYS = [
  "latent_dim",
  "l2_normalized",
  "projection_k",
  "reference_points",
  "reference_latents",
  "reference_latents_raw",
  "reference_labels",
  "digit_samples",
];

/** @param {unknown} value @returns {InteractiveAssets} */
export function parseInteractiveAssets(value) {
  const file = asFile(value, ASSET_KEYS);
  const count = rowCount(file, "reference_points");
  const latentDim = wholeNumber(file, "latent_dim", 1, MAX_LATENT_DIM);
  if (typeof file.l2_normalized !== "boolean") {
    throw refuse("value", "l2_normalized is neither true nor false.");
  }
  const digits = rowCount(file, "digit_samples");
  if (digits > MAX_LABEL + 1) throw refuse("too-many", `The file has ${digits} digit samples.`);
  const imageShape = shapeOfImages(file);
  const pixels = imageShape[0] * imageShape[1] * imageShape[2];
  return {
    about: provenance(file),
    count,
    latentDim,
    l2Normalized: file.l2_normalized,
    projectionK: wholeNumber(file, "projection_k", 1, count),
    points: matrix(file, "reference_points", count, 3),
    latents: matrix(file, "reference_latents", count, latentDim),
    rawLatents: matrix(file, "reference_latents_raw", count, latentDim),
    labels: integers(file, "reference_labels", count, MAX_LABEL),
    indices:
      "reference_indices" in file ? integers(file, "reference_indices", count, 0x7fffffff) : null,
    imageShape,
    digitSamples: matrix(file, "digit_samples", digits, pixels),
    digits,
    thumbnails: thumbnails(file, count),
  };
}

/**
 * @param {InteractiveAssets} assets
 * @param {{latentDim: number, pixels: number, checkpointSha256: string}} encoder
 * @param {{latentDim: number, pixels: number, checkpointSha256: string}} decoder
 */
export function checkBelongTogether(assets, encoder, decoder) {
  const pixels = assets.digitSamples.length / assets.digits;
  const next = "Export assets, encoder and decoder from the same checkpoint.";
  const isOther = (/** @type {typeof encoder} */ model) => model.latentDim === pixels && model.pixels === assets.latentDim;
  if (isOther(encoder) && isOther(decoder)) {
    throw new PageError("mismatch", "Encoder and decoder have changed places.", "Swap the two addresses.");
  }
  for (const [name, model] of /** @type {const} */ ([["encoder", encoder], ["decoder", decoder]])) {
    if (model.latentDim !== assets.latentDim) {
      const message = `The ${name} has latents of ${model.latentDim} numbers, the assets of ${assets.latentDim}.`;
      throw new PageError("mismatch", message, next);
    }
    if (model.pixels !== pixels) {
      const message = `The ${name} has images of ${model.pixels} values, the assets of ${pixels}.`;
      throw new PageError("mismatch", message, next);
    }
    const made = model.checkpointSha256;
    const wanted = assets.about.checkpointSha256;
    if (made && wanted && made !== wanted) {
      throw new PageError("mismatch", `The ${name} and the assets come from two checkpoints.`, next);
    }
  }
}

/**
 * @param {unknown} value @param {string[]} needed
 * @returns {Record<string, unknown>} without a prototype
 */
function asFile(value, needed) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw refuse("keys", "The file holds no JSON object.");
  }
  const file = Object.assign(Object.create(null), value);
  const missing = needed.filter((key) => !(key in file));
  if (missing.length) throw refuse("keys", `The file lacks ${missing.join(", ")}.`);
  return file;
}

/** @param {unknown} value @returns {value is NamedArray} */
function isNamedArray(value) {
  return typeof value === "object" && value !== null && "data" in value && ArrayBuffer.isView(value.data);
}

/** @param {unknown} value @returns {ArrayLike<number> | null} one number after the other, perhaps */
function asList(value) {
  if (isNamedArray(value)) return value.shape.length === 1 ? value.data : null;
  return Array.isArray(value) ? value : null;
}

/** @param {Record<string, unknown>} file @param {string} key */
function rowCount(file, key) {
  const value = file[key];
  const count = isNamedArray(value) ? value.shape[0] : Array.isArray(value) ? value.length : 0;
  if (!count) throw refuse("shape", `${key} holds no rows.`);
  if (count > MAX_POINTS) {
    const message = `${key} holds ${count} rows, allowed: ${MAX_POINTS}.`;
    throw new PageError("too-many", message, "Export again with a lower --max-points.");
  }
  const stated = file.num_points;
  if (stated !== undefined && key !== "digit_samples" && stated !== count) {
    throw refuse("shape", `${key} holds ${count} rows, but num_points says otherwise.`);
  }
  return count;
}

/**
 * @param {Record<string, unknown>} file @param {string} key @param {number} rows
 * @param {number} columns @returns {Float32Array} (rows, columns), all finite
 */
function matrix(file, key, rows, columns) {
  const value = file[key];
  if (rows * columns > MAX_VALUES) throw refuse("too-many", `${key} holds too many numbers.`);
  if (isNamedArray(value)) {
    const { shape, data } = value;
    const fits = shape.length === 2 && shape[0] === rows && shape[1] === columns;
    if (!fits || !(data instanceof Float32Array)) throw wrongShape(key, rows, columns);
    if (!data.every(Number.isFinite)) throw notFinite(key);
    return data;
  }
  if (!Array.isArray(value) || value.length !== rows) throw wrongShape(key, rows, columns);
  const out = new Float32Array(rows * columns);
  for (let row = 0, place = 0; row < rows; row++) {
    const numbers = value[row];
    if (!Array.isArray(numbers) || numbers.length !== columns) throw wrongShape(key, rows, columns);
    for (let column = 0; column < columns; column++, place++) {
      const number = numbers[column];
      out[place] = number;
      if (typeof number !== "number" || !Number.isFinite(out[place])) throw notFinite(key);
    }
  }
  return out;
}

/** @param {string} key @param {number} rows @param {number} columns */
function wrongShape(key, rows, columns) {
  return refuse("shape", `${key} is not a table of ${rows} rows with ${columns} numbers each.`);
}

/** @param {string} key */
function notFinite(key) {
  return refuse("value", `${key} holds something that is not a finite number.`);
}

/**
 * @param {Record<string, unknown>} file @param {string} key @param {number} count
 * @param {number} most @returns {Int32Array} each in 0 .. most
 */
function integers(file, key, count, most) {
  const given = asList(file[key]);
  if (given?.length !== count) {
    throw refuse("shape", `${key} does not hold one number for each of ${count} points.`);
  }
  const out = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const number = given[i];
    if (!Number.isInteger(number) || number < 0 || number > most) {
      throw refuse("value", `${key} holds something that is not a whole number in 0 to ${most}.`);
    }
    out[i] = number;
  }
  return out;
}

/** @param {Record<string, unknown>} file @param {string} key @param {number} least @param {number} most */
function wholeNumber(file, key, least, most) {
  const value = Number(file[key]);
  if (typeof file[key] !== "number" || !Number.isInteger(value) || value < least || value > most) {
    throw refuse("value", `${key} is not a whole number in ${least} to ${most}.`);
  }
  return value;
}

/** Known keys that never are a number of each point. */
const NOT_COLUMNS = new Set(["points", "labels", "indices", "thumbnails", "image_shape"]);

/** @param {Record<string, unknown>} file @param {number} count @returns {Map<string, Float32Array>} */
function numberColumns(file, count) {
  /** @type {Map<string, Float32Array>} */
  const columns = new Map();
  for (const [key, value] of Object.entries(file)) {
    if (NOT_COLUMNS.has(key) || key.length > MAX_TEXT || columns.size >= MAX_NUMBER_COLUMNS) continue;
    const given = asList(value);
    if (given?.length !== count) continue;
    if (!Array.prototype.every.call(given, Number.isFinite)) continue;
    columns.set(key, Float32Array.from(given));
  }
  return columns;
}

/** @param {Record<string, unknown>} file @returns {[number, number, number] | null} */
function statedShape(file) {
  const value = isNamedArray(file.image_shape) ? [...file.image_shape.data] : file.image_shape;
  if (value === undefined) return null;
  const sides = Array.isArray(value) ? value : [];
  const isSide = (/** @type {unknown} */ side) =>
    typeof side === "number" && Number.isInteger(side) && side >= 1 && side <= 1024;
  if (sides.length !== 3 || !sides.every(isSide)) {
    throw refuse("value", "image_shape is not three sizes: channels, height, width.");
  }
  return [sides[0], sides[1], sides[2]];
}

/** @param {Record<string, unknown>} file @returns {[number, number, number]} */
function shapeOfImages(file) {
  const stated = statedShape(file);
  if (stated) return stated;
  const { digit_samples: samples } = file;
  const pixels = isNamedArray(samples)
    ? samples.shape[1]
    : Array.isArray(samples) && Array.isArray(samples[0])
      ? samples[0].length
      : 0;
  const side = Math.round(Math.sqrt(pixels));
  if (side < 1 || side * side !== pixels) {
    throw refuse("shape", "digit_samples are not square images, and image_shape is missing.");
  }
  return [1, side, side];
}

/** @param {Record<string, unknown>} file @param {number} count @returns {Thumbnails | null} */
function thumbnails(file, count) {
  const value = file.thumbnails;
  const shape = statedShape(file);
  if (!isNamedArray(value) || !shape || !(value.data instanceof Uint8Array)) return null;
  if (value.data.length !== count * shape[0] * shape[1] * shape[2]) {
    throw refuse("shape", "thumbnails does not hold one image for each point.");
  }
  return { data: value.data, shape };
}

/** @param {unknown} value */
function text(value) {
  return typeof value === "string" ? value.slice(0, MAX_TEXT) : "";
}

/** @param {unknown} value */
function finite(value) {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** @param {Record<string, unknown>} file @returns {Provenance} */
function provenance(file) {
  const split = text(file.split);
  /** @type {any} */
  const { config } = file;
  return {
    experiment: text(file.experiment),
    split,
    checkpoint: text(file.checkpoint),
    checkpointSha256: text(file.checkpoint_sha256),
    projection: text(file.projection),
    neighbors: finite(file.umap_n_neighbors),
    minDist: finite(file.umap_min_dist),
    available: ["train", "val", "test"].includes(split) ? finite(config?.data?.[`${split}_samples`]) : null,
  };
}
