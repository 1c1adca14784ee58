/**
 * Files of latent points and interactive assets, checked and in typed arrays.
 *
 *   parseLatentPoints(value)         a parsed JSON value -> LatentPoints
 *   parseInteractiveAssets(value)    a parsed JSON value -> InteractiveAssets
 *   arraysValue(meta, arrays)        what an arrays file holds -> a value for either of the two
 *   checkBelongTogether(assets, encoder, decoder)   throws PageError "mismatch"
 *
 * A value may hold nested arrays (JSON) or {shape, data} (arrays file) under the same keys. Whatever
 * is wrong with a file throws PageError; no value of a file is ever used as markup or as a key of
 * an object that has a prototype.
 */

import { PageError } from "./errors.js";
import {
  MOST_INTEGER,
  asFile,
  integers,
  isOfDigits,
  labelsOf,
  matrix,
  neighborTable,
  numberColumns,
  provenance,
  refuse,
  rowCount,
  shapeOfImages,
  statedShape,
  thumbnails,
  wholeNumber,
} from "./fields.js";
import { searched } from "./projection.js";

export { MAX_POINTS } from "./fields.js";

/** @typedef {import("./safetensors.js").NamedArray} NamedArray */

export const MAX_LATENT_DIM = 4_096;
const MAX_SAMPLES = 1_000;

/**
 * @typedef {object} Provenance what a file says about itself; empty text and null where it does not
 * @property {string} experiment
 * @property {string} split
 * @property {string} source what the data set is called
 * @property {string} fingerprint of the data set
 * @property {boolean} isOfRun whether a manifest may lie beside it
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
 * @property {Int32Array} labels (count) any whole numbers
 * @property {boolean} hasLabels otherwise all labels are 0 and mean nothing
 * @property {Map<number, string>} classNames of labels that have one
 * @property {string[] | null} palette colours for the classes in their order, as hex digits
 * @property {boolean} isDigits whether the images are handwritten digits
 * @property {readonly [number, number, number] | null} imageShape C, H, W; null without images
 * @property {Int32Array | null} indices (count) positions in the split
 * @property {{rows: Int32Array, each: number} | null} neighbors nearest others of each point in the
 *   latent space, nearest first, `each` of every point
 * @property {Map<string, Float32Array>} numbers further numbers of each point, by their key
 * @property {Thumbnails | null} thumbnails
 */

/**
 * @typedef {object} Thumbnails
 * @property {Uint8Array} data (count, C * H * W) in 0 .. 255, or empty while none is there
 * @property {[number, number, number]} shape C, H, W
 * @property {number} loaded rows of data that are there already; they come in order
 * @property {Promise<boolean>} [complete] settles when no more will come; whether all are there
 */

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
 * @property {Int32Array} labels (count) any whole numbers
 * @property {boolean} hasLabels otherwise all labels are 0 and mean nothing
 * @property {Map<number, string>} classNames of labels that have one
 * @property {string[] | null} palette colours for the classes in their order, as hex digits
 * @property {boolean} isDigits whether the images are handwritten digits
 * @property {Int32Array | null} indices (count) positions in the split
 * @property {[number, number, number]} imageShape C, H, W
 * @property {Float32Array} digitSamples (digits, C * H * W)
 * @property {number} digits
 * @property {Int32Array | null} sampleLabels (digits) null where the file does not say
 * @property {Int32Array | null} sampleIndices (digits) positions in the split, -1 of another one
 * @property {[string, number][]} novelty how well the distance to the nearest reference tells odd
 *   images of some kinds from new ones of the set's own, by AUROC; [] where the file does not say
 * @property {Thumbnails | null} thumbnails
 */

/**
 * @param {Record<string, unknown>} meta @param {Record<string, NamedArray>} arrays
 * @returns {Record<string, unknown>}
 */
export function arraysValue(meta, arrays) {
  return Object.assign(Object.create(null), meta, arrays);
}

/** @param {unknown} value @returns {LatentPoints} */
export function parseLatentPoints(value) {
  const file = asFile(value, ["points"]);
  const count = rowCount(file, "points");
  const points = matrix(file, "points", count, 3);
  const pictures = thumbnails(file, count);
  const imageShape = statedShape(file) ?? pictures?.shape ?? null;
  const labelled = labelsOf(file, "labels", count);
  return {
    about: provenance(file),
    count,
    latentDim: Number.isInteger(file.latent_dim) ? Number(file.latent_dim) : null,
    l2Normalized: file.l2_normalized === true,
    points,
    ...labelled,
    isDigits: isOfDigits(file, labelled.labels, imageShape),
    imageShape,
    indices: "indices" in file ? integers(file, "indices", count, 0) : null,
    neighbors: neighborTable(file, count),
    numbers: numberColumns(file, count),
    thumbnails: pictures,
  };
}

const ASSET_KEYS = [
  "latent_dim",
  "l2_normalized",
  "projection_k",
  "reference_points",
  "reference_latents_raw",
  "digit_samples",
];

/** @param {unknown} value @returns {InteractiveAssets} */
export function parseInteractiveAssets(value) {
  const file = asFile(value, ASSET_KEYS);
  const count = rowCount(file, "reference_points");
  const latentDim = wholeNumber(file, "latent_dim", 1, MAX_LATENT_DIM);
  const l2Normalized = file.l2_normalized;
  if (typeof l2Normalized !== "boolean") throw refuse("value", "l2_normalized is neither true nor false.");
  const rawLatents = matrix(file, "reference_latents_raw", count, latentDim);
  // An arrays file leaves them out, for they follow.
  const areGiven = "reference_latents" in file;
  const latents = areGiven ? matrix(file, "reference_latents", count, latentDim) : searched({ l2Normalized, latentDim }, rawLatents);
  const digits = rowCount(file, "digit_samples");
  if (digits > MAX_SAMPLES) throw refuse("too-many", `The file has ${digits} digit samples.`);
  const imageShape = shapeOfImages(file);
  const pixels = imageShape[0] * imageShape[1] * imageShape[2];
  const labelled = labelsOf(file, "reference_labels", count);
  return {
    about: provenance(file),
    count,
    latentDim,
    l2Normalized,
    projectionK: wholeNumber(file, "projection_k", 1, count),
    points: matrix(file, "reference_points", count, 3),
    latents,
    rawLatents,
    ...labelled,
    isDigits: isOfDigits(file, labelled.labels, imageShape),
    indices: "reference_indices" in file ? integers(file, "reference_indices", count, 0) : null,
    imageShape,
    digitSamples: matrix(file, "digit_samples", digits, pixels),
    digits,
    sampleLabels: sampleLabels(file, digits, labelled.hasLabels),
    sampleIndices: "sample_indices" in file ? integers(file, "sample_indices", digits, -1, MOST_INTEGER) : null,
    novelty: noveltyOf(file.novelty_auroc),
    thumbnails: thumbnails(file, count),
  };
}

/**
 * What is no share under a short name is left out: nothing else hinges on it.
 * @param {unknown} value @returns {[string, number][]}
 */
function noveltyOf(value) {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value)
    .filter(([kind, share]) => kind.length <= 40 && typeof share === "number" && share >= 0 && share <= 1)
    .slice(0, 20);
}

/**
 * Files of earlier versions have no labels of samples, and one sample of each digit.
 * @param {Record<string, unknown>} file @param {number} digits @param {boolean} hasLabels
 */
function sampleLabels(file, digits, hasLabels) {
  if ("sample_labels" in file) return hasLabels ? integers(file, "sample_labels", digits) : null;
  return digits === 10 && !("class_names" in file) ? Int32Array.from({ length: 10 }, (_, digit) => digit) : null;
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
