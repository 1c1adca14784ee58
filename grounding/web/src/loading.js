/**
 * JSON files, read through their arrays file where they name one.
 *
 *   await loadFile(url, what, {onProgress, onNotice})  -> {value, thumbnails, manifest}
 *       value: for assets.js's parsers. thumbnails: null, or a function that reads the thumbnails,
 *       which `value` names without their bytes: await thumbnails(onBlock), onBlock(offset, bytes)
 *       in order. manifest: a promise of integrity.js's
 *
 * Thumbnails are most of the bytes and have a file of their own, so that nothing waits for them. What a
 * manifest knows is there once the whole file has the hash that it says: nothing of a damaged file is
 * ever shown. Thumbnails that no manifest knows, or too many to be checked, come block by block.
 * Throws PageError "missing", "network", "too-large", "too-many", "not-json", "damaged". An arrays file
 * that cannot be used is replaced by the JSON file, aloud; not so one that is damaged.
 */

import { SEARCHED_CHARACTERS, findArrays, metaOf } from "./arrays.js";
import { arraysValue } from "./assets.js";
import { MAX_BYTES, announced, chunksOf, download, joined, nameOf, request, tooLarge } from "./download.js";
import { PageError, asPageError } from "./errors.js";
import { checkWhole, isChecked, manifestBeside } from "./integrity.js";
import { LENGTH_BYTES, arraysOf, broken, headerEnd, headerOf } from "./safetensors.js";
import { arraysUrl, otherSpelling } from "./urls.js";

/** @typedef {import("./arrays.js").ArraysEntry} ArraysEntry */
/** @typedef {import("./download.js").OnProgress} OnProgress */
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

/** @param {Uint8Array<ArrayBuffer>} bytes @param {URL} url @returns {Promise<Loaded>} */
async function wholeJson(bytes, url) {
  const value = parsedJson(bytes, url);
  const manifest = await manifestBeside(url, value);
  await checkWhole(manifest, url, bytes);
  return { value, thumbnails: null, manifest: Promise.resolve(manifest) };
}

/**
 * An arrays file that comes in, read to the end of its header.
 *
 *   file.size               what the server says that it has, or null
 *   await file.whole()      all of it
 *   await file.take(a, b)   bytes a to b; those before b are given up
 *   file.close()            ends the transfer
 *
 * @param {URL} url @param {{id: string, bytes: number}} entry
 * @param {(loaded: number, total: number) => void} tell
 */
async function opened(url, { id, bytes }, tell) {
  const response = await request(url);
  const told = announced(response);
  const size = told ?? bytes;
  if (size > MAX_BYTES) throw tooLarge(url);
  const incoming = chunksOf(response);
  let held = new Uint8Array();
  let [start, loaded] = [0, 0];
  /** @param {number} end @returns what has come in from `start` on, once it reaches that far */
  const readUpTo = async (end) => {
    const chunks = [held];
    while (loaded < end) {
      const { value: chunk, done } = await incoming.next();
      if (done) throw broken("it is cut off");
      chunks.push(chunk);
      loaded += chunk.length;
      tell(Math.min(loaded, size), size);
    }
    if (chunks.length > 1) held = joined(chunks, Math.min(loaded, size) - start);
    return held;
  };
  const close = () => void incoming.return();
  try {
    const begin = headerEnd(await readUpTo(LENGTH_BYTES), size);
    const header = headerOf((await readUpTo(begin)).subarray(0, begin), size);
    if (header.metadata.id !== id) {
      const message = "The arrays file does not belong to the JSON file.";
      throw new PageError("arrays", message, "Export them again.");
    }
    const whole = () => readUpTo(size);
    /** @param {number} from @param {number} until */
    const take = async (from, until) => {
      const taken = (await readUpTo(until)).slice(from - start, until - start);
      held = held.slice(until - start);
      start = until;
      return taken;
    };
    return { size: told, header, whole, take, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** @param {URL} url @param {ArraysEntry} entry @param {string} what @param {OnProgress} onProgress @returns {Promise<Loaded>} */
async function loadArrays(url, entry, what, onProgress) {
  const file = await opened(url, entry, (loaded, total) => onProgress({ loaded, total, what }));
  try {
    const meta = metaOf(file.header);
    const manifest = manifestBeside(url, meta); // comes in beside the arrays
    const bytes = await file.whole();
    await checkWhole(await manifest, url, bytes);
    const value = arraysValue(meta, arraysOf(file.header, bytes.buffer));
    if (!entry.thumbnails) return { value, thumbnails: null, manifest };
    const { file: name, shape } = entry.thumbnails;
    value[TAIL] = { shape, data: new Uint8Array() };
    const pictures = { ...entry.thumbnails, id: entry.id };
    return { value, manifest, thumbnails: async (onBlock) => readThumbnails(arraysUrl(url.href, name), pictures, await manifest, onBlock, onProgress) };
  } finally {
    file.close();
  }
}

/**
 * @param {URL} url @param {import("./arrays.js").ThumbnailsEntry & {id: string}} entry @param {Manifest | null} manifest
 * @param {(offset: number, bytes: Uint8Array<ArrayBuffer>) => void} onBlock @param {OnProgress} onProgress
 */
async function readThumbnails(url, entry, manifest, onBlock, onProgress) {
  const file = await opened(url, entry, (loaded, total) => onProgress({ loaded, total, what: TAIL }));
  try {
    const place = file.header.places[TAIL];
    const wanted = entry.shape.reduce((product, side) => product * side, 1);
    if (place?.dtype !== "U8" || place.bytes !== wanted) throw broken("it does not hold one image for each point");
    if (file.size === null || isChecked(manifest, url, file.size)) {
      const bytes = await file.whole();
      await checkWhole(manifest, url, bytes);
      return onBlock(0, bytes.subarray(place.offset, place.offset + place.bytes));
    }
    for (let at = place.offset, end = at + place.bytes; at < end; at += BLOCK) {
      const until = Math.min(at + BLOCK, end);
      onBlock(at - place.offset, await file.take(at, until));
    }
  } finally {
    file.close();
  }
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
