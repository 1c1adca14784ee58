/**
 * JSON files, read through their binary companion where they name one.
 *
 *   await loadFile(url, what, {onProgress, onNotice})  -> {value, thumbnails}
 *       value: for assets.js's parsers. thumbnails: null, or a function that reads the thumbnails
 *       that are still to come: await thumbnails(onBlock), onBlock(offset, bytes) in order
 *
 * Thumbnails are most of a companion and its last array: `value` is there as soon as everything
 * before them is, and names them without their bytes. Throws PageError "missing", "network",
 * "too-large", "not-json". A companion that cannot be used is replaced by the JSON file, aloud.
 */

import { companionValue } from "./assets.js";
import { SEARCHED_CHARACTERS, arraysOf, endOf, findCompanion, headerOf } from "./companion.js";
import { announced, chunksOf, download, joined, nameOf, request } from "./download.js";
import { PageError, asPageError } from "./errors.js";
import { companionUrl, otherSpelling } from "./urls.js";

/** @typedef {import("./companion.js").CompanionEntry} CompanionEntry */
/** @typedef {import("./companion.js").Header} Header */
/** @typedef {import("./download.js").OnProgress} OnProgress */
/** @typedef {AsyncGenerator<Uint8Array<ArrayBuffer>, void, void>} Chunks */
/** @typedef {(onBlock: (offset: number, bytes: Uint8Array<ArrayBuffer>) => void) => Promise<void>} Rest */
/** @typedef {{value: unknown, thumbnails: Rest | null}} Loaded */
/** @typedef {{onProgress: OnProgress, onNotice: (text: string) => void}} Listeners */

const TAIL = "thumbnails";
const BLOCK = 1 << 20;

/** @param {URL} url @param {string} what @param {Listeners} listeners @returns {Promise<Loaded>} */
export async function loadFile(url, what, listeners) {
  try {
    return await loadSpelling(url, what, listeners);
  } catch (error) {
    const other = otherSpelling(url);
    if (!other || asPageError(error).code !== "missing") throw error;
    try {
      return await loadSpelling(other, what, listeners);
    } catch (second) {
      throw asPageError(second).code === "missing" ? error : second;
    }
  }
}

/** @param {URL} url @param {string} what @param {Listeners} listeners @returns {Promise<Loaded>} */
async function loadSpelling(url, what, { onProgress, onNotice }) {
  onProgress({ loaded: 0, total: null, what });
  const response = await request(url);
  const total = announced(response);
  const decoder = new TextDecoder();
  /** @type {Uint8Array[]} */
  const chunks = [];
  /** @type {CompanionEntry | "none" | "more"} */
  let entry = "more";
  let [beginning, loaded] = ["", 0];
  for await (const chunk of chunksOf(response)) {
    chunks.push(chunk);
    loaded += chunk.length;
    if (entry === "more") {
      beginning += decoder.decode(chunk.subarray(0, SEARCHED_CHARACTERS), { stream: true });
      entry = findCompanion(beginning.slice(0, SEARCHED_CHARACTERS));
    }
    if (typeof entry === "object") break;
    onProgress({ loaded, total, what });
  }
  if (typeof entry === "string") return { value: parsedJson(joined(chunks, loaded), url), thumbnails: null };
  try {
    return await loadCompanion(companionUrl(response.url, entry.file), entry, what, onProgress);
  } catch (error) {
    onNotice(`${asPageError(error).message} The JSON file was read in its place.`);
    return { value: parsedJson(await download(url, what, onProgress), url), thumbnails: null };
  }
}

/** @param {URL} url @param {CompanionEntry} entry @param {string} what @param {OnProgress} onProgress @returns {Promise<Loaded>} */
async function loadCompanion(url, entry, what, onProgress) {
  const incoming = chunksOf(await request(url));
  try {
    const { header, bytes, end, left } = await readAhead(incoming, what, onProgress);
    if (header.id !== entry.id) {
      const message = "The binary file does not belong to the JSON file.";
      throw new PageError("companion", message, "Export them again.");
    }
    const value = companionValue({ ...header, arrays: arraysOf(header, bytes.buffer) });
    const tail = header.places[TAIL];
    if (!tail || end === endOf(header)) return { value, thumbnails: null };
    return { value, thumbnails: (onBlock) => readTail(incoming, left, tail, onBlock, onProgress) };
  } catch (error) {
    void incoming.return();
    throw error;
  }
}

/**
 * Read a companion up to its thumbnails.
 * @param {Chunks} incoming @param {string} what @param {OnProgress} onProgress
 * @returns {Promise<{header: Header, bytes: Uint8Array<ArrayBuffer>, end: number, left: Uint8Array}>}
 *   bytes: up to `end`; left: what has come in beyond it
 */
async function readAhead(incoming, what, onProgress) {
  /** @type {Uint8Array[]} */
  const chunks = [];
  /** @type {Header | null} */
  let header = null;
  let [loaded, end] = [0, Infinity];
  while (loaded < end) {
    const { value: chunk, done } = await incoming.next();
    if (done) break;
    chunks.push(chunk);
    loaded += chunk.length;
    header ??= headerOf(chunks.length === 1 ? chunk : joined(chunks, loaded));
    if (!header) continue;
    end = endOf(header, header.places[TAIL] ? TAIL : undefined);
    onProgress({ loaded: Math.min(loaded, end), total: end, what });
  }
  if (!header || loaded < end) throw new PageError("companion", "The binary file is cut off.", "Export it again.");
  const all = joined(chunks, loaded);
  return { header, bytes: all.slice(0, end), end, left: all.subarray(end) };
}

/**
 * @param {Chunks} incoming @param {Uint8Array} left first bytes, from the end of what was read
 * @param {import("./companion.js").Place} tail
 * @param {(offset: number, bytes: Uint8Array<ArrayBuffer>) => void} onBlock @param {OnProgress} onProgress
 */
async function readTail(incoming, left, tail, onBlock, onProgress) {
  let block = new Uint8Array(Math.min(BLOCK, tail.bytes));
  let [sent, filled] = [0, 0];
  const flush = () => {
    if (!filled) return;
    onBlock(sent, filled === block.length ? block : block.slice(0, filled));
    sent += filled;
    filled = 0;
    block = new Uint8Array(Math.min(BLOCK, tail.bytes - sent));
    onProgress({ loaded: sent, total: tail.bytes, what: TAIL });
  };
  /** @param {Uint8Array} chunk */
  const take = (chunk) => {
    for (let from = 0; from < chunk.length && sent + filled < tail.bytes; ) {
      const part = chunk.subarray(from, from + block.length - filled);
      block.set(part, filled);
      filled += part.length;
      from += part.length;
      if (filled === block.length) flush();
    }
  };
  take(left);
  for await (const chunk of incoming) take(chunk);
  flush();
  if (sent < tail.bytes) throw new PageError("companion", "The binary file is cut off.", "Export it again.");
}

/** @param {Uint8Array} bytes @param {URL} url @returns {unknown} */
function parsedJson(bytes, url) {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    const message = `${nameOf(url)} is not a JSON file.`;
    throw new PageError("not-json", message, "Export it again, or correct the address.");
  }
}
