/**
 * The arrays file of a JSON file: the same numbers as safetensors.
 *
 *   findArrays(text)       -> what the beginning of a JSON file says about its arrays file
 *   descriptionOf(header)  -> {id, meta}: the id that the JSON file must have, too, and the keys of
 *                             the JSON file that are no arrays; throws PageError "arrays"
 */

import { broken, isObject, isSize } from "./safetensors.js";

/**
 * @typedef {{file: string, id: string, bytes: number}} ArraysEntry
 * @typedef {{id: string, meta: Record<string, unknown>}} Description
 */

/** A JSON file names its arrays file within this many characters. */
export const SEARCHED_CHARACTERS = 65_536;

/** @param {import("./safetensors.js").Header} header @returns {Description} */
export function descriptionOf({ metadata: { id, meta } }) {
  let parsed;
  try {
    parsed = typeof meta === "string" && JSON.parse(meta);
  } catch {
    throw broken("its meta cannot be read");
  }
  if (typeof id !== "string" || !isObject(parsed)) throw broken("it lacks id or meta");
  return { id, meta: parsed };
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

/** @param {string} text @returns {ArraysEntry | "none"} */
function checkedEntry(text) {
  try {
    const { file, id, bytes } = JSON.parse(text);
    const isName = typeof file === "string" && /^[^/\\:?#%\0-\x1f]+\.safetensors$/.test(file);
    if (isName && !file.startsWith(".") && typeof id === "string" && isSize(bytes)) {
      return { file, id, bytes };
    }
  } catch {
    // a broken entry: the JSON file alone will do
  }
  return "none";
}
