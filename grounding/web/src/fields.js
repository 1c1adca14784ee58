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
 * @param {number} most @returns {Int32Array} each in 0 .. most
 */
export function integers(file, key, count, most, least = 0) {
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

/** @param {Record<string, unknown>} file @param {string} key @param {number} least @param {number} most */
export function wholeNumber(file, key, least, most) {
  const value = Number(file[key]);
  if (typeof file[key] !== "number" || !Number.isInteger(value) || value < least || value > most) {
    throw refuse("value", `${key} is not a whole number in ${least} to ${most}.`);
  }
  return value;
}

/** Known keys that never are a number of each point. */
const NOT_COLUMNS = new Set(["points", "labels", "indices", "thumbnails", "image_shape"]);

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
