/**
 * The arrays file of a JSON file: the same numbers as safetensors.
 *
 *   findArrays(text)       -> what the beginning of a JSON file says about its arrays file and the one
 *                             of its thumbnails
 *   metaOf(header)         -> the keys of the JSON file that are no arrays; throws PageError "arrays"
 */

import { broken, isObject, isSize } from "./safetensors.js";

/**
 * @typedef {{file: string, bytes: number, shape: number[]}} ThumbnailsEntry
 * @typedef {{file: string, id: string, bytes: number, thumbnails?: ThumbnailsEntry}} ArraysEntry
 */

/** A JSON file names its arrays file within this many characters. */
export const SEARCHED_CHARACTERS = 65_536;

/** @param {import("./safetensors.js").Header} header @returns {Record<string, unknown>} */
export function metaOf({ metadata: { meta } }) {
  let parsed;
  try {
    parsed = typeof meta === "string" && JSON.parse(meta);
  } catch {
    throw broken("its meta cannot be read");
  }
  if (!isObject(parsed)) throw broken("it lacks meta");
  return parsed;
}

/**
 * Read the beginning of a JSON object up to its "arrays" entry.
 * @param {string} text first characters of the file
 * @returns {ArraysEntry | "none" | "more"} "more": not to be told yet; "none": it names none, or
 *   not one that may be used
 */
export function findArrays(text) {
  const undecided = text.length < SEARCHED_CHARACTERS ? "more" : "none";
  const pattern = /\s*([{,])\s*("(?:[^"\\]|\\.)*")\s*:\s*/y;
  for (let first = true; ; first = false) {
    const key = pattern.exec(text);
    if (!key) return /^[\s]*$|^\s*\{/.test(text) ? undecided : "none";
    if ((key[1] === "{") !== first) return "none";
    const end = endOfValue(text, pattern.lastIndex);
    if (end < 0) return undecided;
    if (key[2] === '"arrays"') return checkedEntry(text.slice(pattern.lastIndex, end));
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

/** @param {unknown} file @returns {file is string} a file beside the JSON file */
function isName(file) {
  return typeof file === "string" && /^(?!\.)[^/\\:?#%\0-\x1f]+\.safetensors$/.test(file);
}

/** @param {string} text @returns {ArraysEntry | "none"} */
function checkedEntry(text) {
  try {
    const { file, id, bytes, thumbnails } = JSON.parse(text);
    if (!isName(file) || typeof id !== "string" || !isSize(bytes)) return "none";
    if (thumbnails === undefined) return { file, id, bytes };
    const { file: other, bytes: size, shape } = thumbnails;
    if (isName(other) && isSize(size) && Array.isArray(shape) && shape.every(isSize)) {
      return { file, id, bytes, thumbnails: { file: other, bytes: size, shape } };
    }
  } catch {
    // a broken entry: the JSON file alone will do
  }
  return "none";
}
