/**
 * The binary companion of a JSON file: the same arrays, ready to use.
 *
 *   findCompanion(text)         -> what the beginning of a JSON file says about its companion
 *   headerOf(bytes)             -> what the file says of itself, once its header has come in
 *   endOf(header, without)      -> bytes up to the end of the arrays, or of all but the last
 *   arraysOf(header, buffer)    -> {name: {shape, data}} of what has come in; data are views, no copies
 *
 * Layout, little endian: "GRNDBIN1", uint32 header bytes, 4 zero bytes, the header as UTF-8 JSON
 * {id, meta, arrays: {name: {dtype, shape, offset, bytes}}}, then the arrays at multiples of 8.
 * Everything thrown is a PageError with code "companion".
 */

import { PageError } from "./errors.js";

/**
 * @typedef {{shape: number[], data: Float32Array | Int32Array | Uint8Array}} NamedArray
 * @typedef {{id: string, meta: Record<string, unknown>, arrays: Record<string, NamedArray>}} Companion
 * @typedef {{dtype: keyof typeof TYPES, shape: number[], offset: number, bytes: number}} Place
 * @typedef {{id: string, meta: Record<string, unknown>, places: Record<string, Place>}} Header
 * @typedef {{file: string, id: string, bytes: number}} CompanionEntry
 */

const MAGIC = "GRNDBIN1";
const PREAMBLE = 16;
const MAX_HEADER = 1 << 24;
const TYPES = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array };
/** A JSON file names its companion within this many characters. */
export const SEARCHED_CHARACTERS = 65_536;

/** @param {string} what @returns {PageError} */
function broken(what) {
  return new PageError("companion", `The binary file is broken: ${what}.`, "Export it again.");
}

/** @param {unknown} value @returns {value is Record<string, unknown>} */
function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @param {unknown} value @returns {value is number} a whole number that a file offset can be */
function isSize(value) {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/**
 * @param {Uint8Array} bytes first bytes of the file
 * @returns {Header | null} null: not all of it is there yet
 */
export function headerOf(bytes) {
  if (bytes.length < PREAMBLE) return null;
  if (String.fromCharCode(...bytes.subarray(0, 8)) !== MAGIC) throw broken("wrong type");
  const size = new DataView(bytes.buffer, bytes.byteOffset).getUint32(8, true);
  if (size > MAX_HEADER) throw broken("its header is too long");
  if (PREAMBLE + size > bytes.length) return null;
  const { id, meta, arrays } = parseHeader(bytes.subarray(PREAMBLE, PREAMBLE + size));
  /** @type {Record<string, Place>} */
  const places = Object.create(null);
  for (const [name, entry] of Object.entries(arrays)) places[name] = checkedPlace(PREAMBLE + size, entry);
  return { id, meta, places };
}

/**
 * Where the arrays end.
 * @param {Header} header @param {string} [without] an array that does not count, if it lies behind
 *   all others: then where it begins
 */
export function endOf({ places }, without) {
  let end = 0;
  for (const [name, { offset, bytes }] of Object.entries(places)) {
    if (name !== without) end = Math.max(end, offset + bytes);
  }
  const left = without === undefined ? undefined : places[without];
  if (!left) return end;
  return left.offset < end ? Math.max(end, left.offset + left.bytes) : left.offset;
}

/**
 * @param {Header} header @param {ArrayBuffer} buffer the file, or its beginning
 * @returns {Record<string, NamedArray>} those that lie behind the buffer's end: without their data
 */
export function arraysOf({ places }, buffer) {
  /** @type {Record<string, NamedArray>} */
  const read = Object.create(null);
  for (const [name, { dtype, shape, offset, bytes }] of Object.entries(places)) {
    const Type = TYPES[dtype];
    const isThere = offset + bytes <= buffer.byteLength;
    read[name] = { shape, data: isThere ? new Type(buffer, offset, bytes / Type.BYTES_PER_ELEMENT) : new Type() };
  }
  return read;
}

/** @param {Uint8Array} bytes */
function parseHeader(bytes) {
  let header;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw broken("its header cannot be read");
  }
  if (!isObject(header)) throw broken("its header cannot be read");
  const { id, meta, arrays } = header;
  if (typeof id !== "string" || !isObject(meta) || !isObject(arrays)) {
    throw broken("its header lacks id, meta or arrays");
  }
  return { id, meta, arrays };
}

/** @param {number} begin first byte after the header @param {unknown} entry @returns {Place} */
function checkedPlace(begin, entry) {
  if (!isObject(entry)) throw broken("an array has no description");
  const { dtype, shape, offset, bytes } = entry;
  if (typeof dtype !== "string" || !Object.hasOwn(TYPES, dtype)) throw broken("unknown type of array");
  const known = /** @type {keyof typeof TYPES} */ (dtype);
  if (!Array.isArray(shape) || !shape.every(isSize)) throw broken("an array has no shape");
  if (!isSize(offset) || !isSize(bytes) || offset % 8 || offset < begin) {
    throw broken("an array has no place");
  }
  const count = shape.reduce((product, side) => product * side, 1);
  if (count * TYPES[known].BYTES_PER_ELEMENT !== bytes) throw broken("an array's shape and size differ");
  return { dtype: known, shape, offset, bytes };
}

/**
 * Read the beginning of a JSON object up to its "companion" entry.
 * @param {string} text first characters of the file
 * @returns {CompanionEntry | "none" | "more"} "more": not to be told yet; "none": it names none, or
 *   not one that may be used
 */
export function findCompanion(text) {
  const undecided = text.length < SEARCHED_CHARACTERS ? "more" : "none";
  const pattern = /\s*([{,])\s*("(?:[^"\\]|\\.)*")\s*:\s*/y;
  for (let first = true; ; first = false) {
    const key = pattern.exec(text);
    if (!key) return /^[\s]*$|^\s*\{/.test(text) ? undecided : "none";
    if ((key[1] === "{") !== first) return "none";
    const end = endOfValue(text, pattern.lastIndex);
    if (end < 0) return undecided;
    if (key[2] === '"companion"') return checkedEntry(text.slice(pattern.lastIndex, end));
    pattern.lastIndex = end;
  }
}

/** @param {string} text @param {number} start @returns {number} index behind the value, or -1 */
function endOfValue(text, start) {
  let depth = 0;
  for (let i = start; i < text.length; i++) {
    const character = text[i];
    if (character === '"') {
      for (i++; i < text.length && text[i] !== '"'; i++) if (text[i] === "\\") i++;
      if (i >= text.length) return -1;
    } else if (character === "{" || character === "[") depth++;
    else if (depth && (character === "}" || character === "]")) depth--;
    else if (!depth && (character === "," || character === "}")) return i;
  }
  return -1;
}

/** @param {string} text @returns {CompanionEntry | "none"} */
function checkedEntry(text) {
  try {
    const { file, id, bytes } = JSON.parse(text);
    const isName = typeof file === "string" && /^[^/\\:?#%\0-\x1f]+\.bin$/.test(file);
    if (isName && !file.startsWith(".") && typeof id === "string" && isSize(bytes)) {
      return { file, id, bytes };
    }
  } catch {
    // a broken entry: the JSON file alone will do
  }
  return "none";
}
