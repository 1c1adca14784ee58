/**
 * JSON files, read through their arrays file where they name one.
 *
 *   await loadFile(url, what, {onProgress, onNotice})  -> {value, thumbnails, manifest}
 *       value: for assets.js's parsers. thumbnails: null, or a function that reads the thumbnails
 *       that are still to come: await thumbnails(onBlock), onBlock(offset, bytes) in order.
 *       manifest: a promise of integrity.js's
 *
 * Thumbnails are most of an arrays file and its last array: of a file that no manifest knows, or one
 * too large to be checked, `value` is there as soon as everything before them is, and names them
 * without their bytes. Of any other it is there once the whole file has the hash that its manifest
 * says: nothing of a damaged file is ever shown. Throws PageError "missing", "network", "too-large",
 * "too-many", "not-json", "damaged". An arrays file that cannot be used is replaced by the JSON file,
 * aloud; not so one that is damaged.
 */

import { SEARCHED_CHARACTERS, descriptionOf, findArrays } from "./arrays.js";
import { arraysValue } from "./assets.js";
import { MAX_BYTES, announced, chunksOf, download, joined, nameOf, request, tooLarge } from "./download.js";
import { PageError, asPageError } from "./errors.js";
import { MOST_BYTES, checkWhole, keeper, manifestBeside } from "./integrity.js";
import { LENGTH_BYTES, arraysOf, broken, endOf, headerEnd, headerOf } from "./safetensors.js";
import { arraysUrl, otherSpelling } from "./urls.js";

/** @typedef {import("./arrays.js").ArraysEntry} ArraysEntry */
/** @typedef {import("./download.js").OnProgress} OnProgress */
/** @typedef {AsyncGenerator<Uint8Array<ArrayBuffer>, void, void>} Chunks */
/** @typedef {(onBlock: (offset: number, bytes: Uint8Array<ArrayBuffer>) => void) => Promise<void>} Rest */
/** @typedef {import("./integrity.js").Manifest} Manifest */
/** @typedef {{value: unknown, thumbnails: Rest | null, manifest: Promise<Manifest | null>}} Loaded */
/** @typedef {{onProgress: OnProgress, onNotice: (text: string) => void}} Listeners */

const TAIL = "thumbnails";
const BLOCK = 1 << 20;
/** Values of a JSON file, which takes up to 30 bytes for each; a list or table counts as so many. */
const MAX_VALUES = 8_000_000;
const LIST_COUNTS = 4;
const [COMMA, LIST, OBJECT] = [...",[{"].map((character) => character.charCodeAt(0));

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
  /** @type {ArraysEntry | "none" | "more"} */
  let entry = "more";
  let [beginning, loaded] = ["", 0];
  for await (const chunk of chunksOf(response)) {
    chunks.push(chunk);
    loaded += chunk.length;
    if (entry === "more") {
      beginning += decoder.decode(chunk.subarray(0, SEARCHED_CHARACTERS), { stream: true });
      entry = findArrays(beginning.slice(0, SEARCHED_CHARACTERS));
    }
    if (typeof entry === "object") break;
    onProgress({ loaded, total, what });
  }
  if (typeof entry === "string") return wholeJson(joined(chunks, loaded), url);
  try {
    return await loadArrays(arraysUrl(response.url, entry.file), entry, what, onProgress);
  } catch (error) {
    const { code, message } = asPageError(error);
    if (code === "damaged") throw error;
    onNotice(`${message} The JSON file was read in its place.`);
    return wholeJson(await download(url, what, onProgress), url);
  }
}

/** @param {Uint8Array} bytes @param {URL} url @returns {Promise<Loaded>} */
async function wholeJson(bytes, url) {
  const value = parsedJson(bytes, url);
  const manifest = await manifestBeside(url, value);
  await checkWhole(manifest, url, [bytes]);
  return { value, thumbnails: null, manifest: Promise.resolve(manifest) };
}

/** @param {URL} url @param {ArraysEntry} entry @param {string} what @param {OnProgress} onProgress @returns {Promise<Loaded>} */
async function loadArrays(url, entry, what, onProgress) {
  const response = await request(url);
  const told = announced(response);
  const size = told ?? entry.bytes;
  if (size > MAX_BYTES) throw tooLarge(url);
  const kept = keeper();
  const incoming = passing(chunksOf(response), kept.add);
  /** @type {Uint8Array[]} */
  const chunks = [];
  let loaded = 0;
  /** @type {number | null} */
  let total = null;
  /** @param {number} end @returns what has come in, once it is that long */
  const readUpTo = async (end) => {
    for (;;) {
      if (total !== null) onProgress({ loaded: Math.min(loaded, total), total, what });
      if (loaded >= end) return joined(chunks, loaded);
      const { value: chunk, done } = await incoming.next();
      if (done) throw broken("it is cut off");
      chunks.push(chunk);
      loaded += chunk.length;
    }
  };
  try {
    const begin = headerEnd(await readUpTo(LENGTH_BYTES), size);
    const header = headerOf((await readUpTo(begin)).subarray(0, begin), size);
    const { id, meta } = descriptionOf(header);
    if (id !== entry.id) {
      const message = "The arrays file does not belong to the JSON file.";
      throw new PageError("arrays", message, "Export them again.");
    }
    const manifest = manifestBeside(url, meta); // comes in beside the arrays
    // The page allocates all thumbnails at once: only if the server, too, says that they will come.
    const end = told === null ? size : endOf(header, TAIL);
    total = end;
    let bytes = await readUpTo(end);
    if (end === size || (size <= MOST_BYTES && (await manifest))) {
      total = size;
      bytes = await readUpTo(size);
      await checkWhole(await manifest, url, kept.chunks);
    }
    const value = arraysValue(meta, arraysOf(header, bytes.slice(0, end).buffer));
    if (end === size) {
      void incoming.return();
      return { value, thumbnails: null, manifest };
    }
    const tail = header.places[TAIL];
    const left = bytes.subarray(end);
    return {
      value,
      manifest,
      thumbnails: (onBlock) => readTail(incoming, left, tail, onBlock, onProgress),
    };
  } catch (error) {
    void incoming.return();
    throw error;
  }
}

/** @param {Chunks} incoming @param {(chunk: Uint8Array) => void} see @returns {Chunks} */
async function* passing(incoming, see) {
  for await (const chunk of incoming) {
    see(chunk);
    yield chunk;
  }
}

/**
 * @param {Chunks} incoming @param {Uint8Array} left first bytes, from the end of what was read
 * @param {import("./safetensors.js").Place} tail
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
  if (sent < tail.bytes) throw broken("it is cut off");
}

/** @param {Uint8Array} bytes @param {URL} url @returns {unknown} */
function parsedJson(bytes, url) {
  let values = 0;
  for (const byte of bytes) {
    if (byte === COMMA) values++;
    else if (byte === LIST || byte === OBJECT) values += LIST_COUNTS;
  }
  if (values > MAX_VALUES) {
    const message = `${nameOf(url)} holds too many values to be read as JSON.`;
    throw new PageError("too-many", message, "Export again with a lower --max-points.");
  }
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    const message = `${nameOf(url)} is not a JSON file.`;
    throw new PageError("not-json", message, "Export it again, or correct the address.");
  }
}
