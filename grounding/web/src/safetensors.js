/**
 * The safetensors format, read while a file comes in.
 *
 *   headerEnd(bytes, size)          -> where the header ends, from the first LENGTH_BYTES of the file
 *   headerOf(bytes, size)           -> what the file says of itself, from everything up to there
 *   arraysOf(header, buffer)        -> {name: {shape, data}} of the whole file; data are views, no copies
 *
 * size: bytes of the whole file. Everything that the header says is compared with it before anything
 * is read or allocated by it. Layout, little endian: the header's length as uint64, the header as JSON
 * {name: {dtype, shape, data_offsets: [begin, end]}, __metadata__: {name: text}}, then the arrays
 * without gaps, their offsets counted from the header's end. Throws PageError "arrays".
 */

import { PageError } from "./errors.js";

/**
 * @typedef {{shape: number[], data: Float32Array | Int32Array | Uint8Array}} NamedArray
 * @typedef {{dtype: keyof typeof TYPES, shape: number[], offset: number, bytes: number}} Place offset:
 *   from the beginning of the file
 * @typedef {{metadata: Record<string, unknown>, places: Record<string, Place>}} Header
 */

const TYPES = { F32: Float32Array, I32: Int32Array, U8: Uint8Array };
const MAX_HEADER = 1 << 20;
/** In front of the header, for its length. */
export const LENGTH_BYTES = 8;

/** @param {string} what @returns {PageError} */
export function broken(what) {
  return new PageError("arrays", `The arrays file is broken: ${what}.`, "Export it again.");
}

/** @param {unknown} value @returns {value is Record<string, unknown>} */
export function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @param {unknown} value @returns {value is number} a whole number that a size can be */
export function isSize(value) {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** @param {Uint8Array} bytes at least LENGTH_BYTES @param {number} size @returns {number} */
export function headerEnd(bytes, size) {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length > MAX_HEADER) throw broken("its header is too long");
  const end = LENGTH_BYTES + Number(length);
  if (end > size) throw broken("its header is longer than the file");
  return end;
}

/** @param {Uint8Array} bytes the file up to the header's end @param {number} size @returns {Header} */
export function headerOf(bytes, size) {
  const { __metadata__: metadata = {}, ...entries } = parsed(bytes.subarray(LENGTH_BYTES));
  if (!isObject(metadata)) throw broken("its metadata are no JSON object");
  const begin = bytes.length;
  const found = Object.entries(entries).map(([name, entry]) => ({ name, place: checkedPlace(begin, size, entry) }));
  found.sort((a, b) => a.place.offset - b.place.offset || a.place.bytes - b.place.bytes);
  /** @type {Record<string, Place>} */
  const places = Object.create(null);
  let end = begin;
  for (const { name, place } of found) {
    if (place.offset !== end) throw broken("its arrays overlap or leave gaps");
    places[name] = place;
    end += place.bytes;
  }
  if (end !== size) throw broken("it is longer than its arrays");
  return { metadata, places };
}

/**
 * @param {Header} header @param {ArrayBuffer} buffer the file
 * @returns {Record<string, NamedArray>}
 */
export function arraysOf({ places }, buffer) {
  /** @type {Record<string, NamedArray>} */
  const read = Object.create(null);
  for (const [name, { dtype, shape, offset, bytes }] of Object.entries(places)) {
    const Type = TYPES[dtype];
    read[name] = { shape, data: new Type(buffer, offset, bytes / Type.BYTES_PER_ELEMENT) };
  }
  return read;
}

/** @param {Uint8Array} bytes @returns {Record<string, unknown>} */
function parsed(bytes) {
  let header;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw broken("its header cannot be read");
  }
  if (!isObject(header)) throw broken("its header is no JSON object");
  return header;
}

/** @param {number} begin the header's end @param {number} size @param {unknown} entry @returns {Place} */
function checkedPlace(begin, size, entry) {
  if (!isObject(entry)) throw broken("an array has no description");
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== "string" || !Object.hasOwn(TYPES, dtype)) throw broken("unknown type of array");
  const known = /** @type {keyof typeof TYPES} */ (dtype);
  if (!Array.isArray(shape) || !shape.every(isSize)) throw broken("an array has no shape");
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize)) throw broken("an array has no place");
  const [offset, end] = offsets.map((value) => begin + value);
  if (end > size) throw broken("it is cut off");
  const itemBytes = TYPES[known].BYTES_PER_ELEMENT;
  if (offset % itemBytes) throw broken("an array is not aligned");
  const count = shape.reduce((product, side) => product * side, 1);
  if (count * itemBytes !== end - offset) throw broken("an array's shape and size differ");
  return { dtype: known, shape, offset, bytes: end - offset };
}
