/**
 * Single values of a file of points, checked one by one. A value may be nested lists (JSON) or
 * {shape, data} (arrays file). What is wrong throws PageError "keys", "shape", "value", "too-many".
 */

import { PageError } from "./errors.js";

/** @typedef {import("./assets.js").Provenance} Provenance */
/** @typedef {import("./assets.js").Thumbnails} Thumbnails */
/** @typedef {import("./safetensors.js").NamedArray} NamedArray */

export const MAX_POINTS = 250_000;
const MAX_VALUES = 64_000_000;
const MAX_TEXT = 200;
const MAX_NUMBER_COLUMNS = 32;
const MAX_NAMES = 10_000;
/** Of what a palette may hold. */
const MAX_COLORS = 1_000;
export const MOST_INTEGER = 0x7fffffff;
/** How grounding/data/sources/mnist.py knows the 70,000 digits of MNIST. */
const MNIST = "ac89dbc26b7b0b5f68ff586bc0579a0c16e78b3436b0c71ccdd0169cbebf9ff7";
/** What grounding/data/sources calls other sets of nothing but digits. */
const OF_DIGITS = ["emnist_digits", "emnist_mnist", "digits"];

/** @param {import("./errors.js").ErrorCode} code @param {string} message */
export function refuse(code, message) {
  return new PageError(code, message, "Export the file again, or open another one.");
}

/**
 * @param {unknown} value @param {string[]} needed
 * @returns {Record<string, unknown>} without a prototype
 */
export function asFile(value, needed) {
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
export function rowCount(file, key) {
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
export function matrix(file, key, rows, columns) {
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
 * @param {number} [least] @param {number} [most] @returns {Int32Array} each in least .. most
 */
export function integers(file, key, count, least = -MOST_INTEGER - 1, most = MOST_INTEGER) {
  const given = asList(file[key]);
  if (given?.length !== count) {
    throw refuse("shape", `${key} does not hold one number for each of ${count} points.`);
  }
  const out = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const number = given[i];
    if (!Number.isInteger(number) || number < least || number > most) {
      throw refuse("value", `${key} holds something that is not a whole number in ${least} to ${most}.`);
    }
    out[i] = number;
  }
  return out;
}

/**
 * The labels of a file; they need not be there.
 * @param {Record<string, unknown>} file @param {string} key @param {number} count
 */
export function labelsOf(file, key, count) {
  const hasLabels = key in file && file.has_labels !== false;
  return {
    labels: hasLabels ? integers(file, key, count) : new Int32Array(count),
    hasLabels,
    classNames: classNames(file),
    palette: palette(file),
  };
}

/** @param {Record<string, unknown>} file @returns {Map<number, string>} */
function classNames({ class_names: value = {} }) {
  const entries = typeof value === "object" && value && !Array.isArray(value) ? Object.entries(value) : [];
  /** @type {Map<number, string>} */
  const names = new Map();
  for (const [label, name] of entries) {
    const number = Number(label);
    if (!/^-?\d+$/.test(label) || Math.abs(number) > MOST_INTEGER || typeof name !== "string") {
      throw refuse("value", 'class_names is not a table of names such as {"0": "dog"}.');
    }
    if (name.trim()) names.set(number, name.slice(0, MAX_TEXT));
  }
  if (names.size > MAX_NAMES) throw refuse("too-many", `class_names holds more than ${MAX_NAMES} names.`);
  return names;
}

/** @param {Record<string, unknown>} file @returns {string[] | null} hex digits */
function palette({ palette: value }) {
  if (value === undefined) return null;
  const colors = Array.isArray(value) ? value : [];
  const isColor = (/** @type {unknown} */ one) => typeof one === "string" && /^#[0-9a-f]{6}$/i.test(one);
  if (!colors.length || colors.length > MAX_COLORS || !colors.every(isColor)) {
    throw refuse("value", 'palette is not a list of colours such as ["#1f77b4", "#ff7f0e"].');
  }
  return colors.map((color) => color.slice(1).toLowerCase());
}

/**
 * Whether the images are handwritten digits, so that texts may call them that: MNIST, a set of EMNIST's
 * or scikit-learn's, as the file says; a file that says nothing of its data, if it looks like MNIST.
 * @param {Record<string, unknown>} file @param {Int32Array} labels
 * @param {readonly number[] | null} shape of the images
 */
export function isOfDigits(file, labels, shape) {
  /** @type {any} */
  const { data, config } = file;
  if (typeof data?.fingerprint === "string") {
    // `dataset` in files of earlier versions.
    const { source, dataset } = config?.data ?? {};
    return data.fingerprint === MNIST || OF_DIGITS.includes(source ?? dataset);
  }
  const isPlain = !("class_names" in file) && file.has_labels !== false;
  return isPlain && shape?.join() === "1,28,28" && labels.every((label) => label >= 0 && label < 10);
}

/**
 * Rows of the nearest others of each point, nearest first.
 * @param {Record<string, unknown>} file @param {number} count
 * @returns {{rows: Int32Array, each: number} | null} each: how many of every point
 */
export function neighborTable({ neighbors: value }, count) {
  if (value === undefined) return null;
  const isArray = isNamedArray(value);
  const each = isArray ? value.shape[1] : Array.isArray(value) && Array.isArray(value[0]) ? value[0].length : 0;
  const fits = isArray ? value.shape.length === 2 && value.shape[0] === count : Array.isArray(value) && value.length === count;
  const given = isArray ? value.data : fits && each ? /** @type {unknown[]} */ (value).flat() : [];
  const isRow = (/** @type {unknown} */ row) => Number.isInteger(row) && Number(row) >= 0 && Number(row) < count;
  if (!fits || !each || given.length !== count * each || !Array.prototype.every.call(given, isRow)) {
    throw refuse("value", "neighbors does not hold the rows of each point's nearest others.");
  }
  return { rows: Int32Array.from(/** @type {ArrayLike<number>} */ (given)), each };
}

/** @param {Record<string, unknown>} file @param {string} key @param {number} least @param {number} most */
export function wholeNumber(file, key, least, most) {
  const value = Number(file[key]);
  if (typeof file[key] !== "number" || !Number.isInteger(value) || value < least || value > most) {
    throw refuse("value", `${key} is not a whole number in ${least} to ${most}.`);
  }
  return value;
}

/** Known keys that never are a number of each point. */
const NOT_COLUMNS = new Set(["points", "labels", "indices", "thumbnails", "image_shape", "neighbors"]);

/** @param {Record<string, unknown>} file @param {number} count @returns {Map<string, Float32Array>} */
export function numberColumns(file, count) {
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
export function statedShape(file) {
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
export function shapeOfImages(file) {
  const stated = statedShape(file);
  if (stated) return stated;
  const { digit_samples: samples } = file;
  const pixels = isNamedArray(samples)
    ? samples.shape[1]
    : Array.isArray(samples) && Array.isArray(samples[0])
      ? samples[0].length
      : 0;
  const shape = squareShape(pixels);
  if (!shape) throw refuse("shape", "digit_samples are not square images, and image_shape is missing.");
  return shape;
}

/** @param {Record<string, unknown>} file @param {number} count @returns {Thumbnails | null} */
export function thumbnails(file, count) {
  const value = file.thumbnails;
  if (!isNamedArray(value) || !(value.data instanceof Uint8Array)) return null;
  const size = value.shape.reduce((product, side) => product * side, 1);
  const shape = statedShape(file) ?? squareShape(size / count);
  if (!shape) return null;
  if (size !== count * shape[0] * shape[1] * shape[2]) {
    throw refuse("shape", "thumbnails does not hold one image for each point.");
  }
  return { data: value.data, shape, loaded: value.data.length === size ? count : 0 };
}

/** @param {number} pixels @returns {[number, number, number] | null} a square grey image, if it is one */
function squareShape(pixels) {
  const side = Math.round(Math.sqrt(pixels));
  return side >= 1 && side * side === pixels ? [1, side, side] : null;
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
export function provenance(file) {
  const split = text(file.split);
  /** @type {any} */
  const { config, data } = file;
  return {
    source: text(data?.source),
    fingerprint: text(data?.fingerprint),
    isOfRun: Boolean(file.made_from),
    experiment: text(file.experiment),
    split,
    checkpoint: text(file.checkpoint),
    checkpointSha256: text(file.checkpoint_sha256),
    projection: text(file.projection),
    neighbors: finite(file.umap_n_neighbors),
    minDist: finite(file.umap_min_dist),
    available: finite(file.split_size) ?? (["train", "val", "test"].includes(split) ? finite(config?.data?.[`${split}_samples`]) : null),
  };
}
