/**
 * Downloads with progress, and JSON files through their binary companion.
 *
 *   download(url, what, onProgress)              -> Uint8Array
 *   loadValue(url, what, {onProgress, onNotice}) -> value for assets.js's parsers
 *
 * Both throw PageError: "missing", "network", "too-large", "not-json".
 */

import { companionValue } from "./assets.js";
import { SEARCHED_CHARACTERS, findCompanion, readCompanion } from "./companion.js";
import { PageError, asPageError } from "./errors.js";
import { companionUrl, otherSpelling } from "./urls.js";

/** @typedef {import("./messages.js").Progress} Progress */
/** @typedef {(progress: Progress) => void} OnProgress */
/** @typedef {import("./companion.js").CompanionEntry} CompanionEntry */

const MAX_BYTES = 1_000_000_000;

/** @param {URL} url */
function nameOf(url) {
  return decodeURIComponent(url.pathname);
}

/** @param {URL} url @param {AbortSignal} [signal] @returns {Promise<Response>} */
async function request(url, signal) {
  let response;
  try {
    response = await fetch(url, { signal, credentials: "same-origin", redirect: "error" });
  } catch (error) {
    const next = "See whether the server still runs, then reload the page.";
    throw new PageError("network", `${nameOf(url)} could not be loaded: ${error}.`, next);
  }
  if (response.ok) return response;
  if (response.status === 404) {
    const next = "Run the command that writes it, or correct the address.";
    throw new PageError("missing", `There is no file ${nameOf(url)}.`, next);
  }
  const message = `The server answers ${response.status} for ${nameOf(url)}.`;
  throw new PageError("network", message, "Correct the address, or see the server's log.");
}

/** @param {Response} response @returns {number | null} bytes to come, if they can be told */
function announced(response) {
  const length = Number(response.headers.get("content-length"));
  return response.headers.has("content-encoding") || !(length > 0) ? null : length;
}

/**
 * @param {Response} response @param {string} what @param {OnProgress} onProgress
 * @param {(chunks: Uint8Array[]) => boolean} [isEnough] asked after each chunk
 * @returns {Promise<Uint8Array>} what came in; empty if it was enough
 */
async function receive(response, what, onProgress, isEnough) {
  const total = announced(response);
  const reader = response.body?.getReader();
  /** @type {Uint8Array[]} */
  const chunks = [];
  let loaded = 0;
  try {
    for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
      chunks.push(part.value);
      loaded += part.value.length;
      if (loaded > MAX_BYTES) break;
      onProgress({ loaded, total, what });
      if (isEnough?.(chunks)) return new Uint8Array();
    }
  } catch (error) {
    const message = `The connection broke after ${loaded} bytes: ${error}.`;
    throw new PageError("network", message, "Reload the page.");
  }
  if (loaded > MAX_BYTES) {
    const message = `${nameOf(new URL(response.url))} is larger than ${MAX_BYTES} bytes.`;
    throw new PageError("too-large", message, "Export again with a lower --max-points.");
  }
  return joined(chunks, loaded);
}

/** @param {Uint8Array[]} chunks @param {number} size */
function joined(chunks, size) {
  const bytes = new Uint8Array(size);
  let place = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, place);
    place += chunk.length;
  }
  return bytes;
}

/** @param {URL} url @param {string} what @param {OnProgress} onProgress @returns {Promise<Uint8Array>} */
export async function download(url, what, onProgress) {
  return receive(await request(url), what, onProgress);
}

/**
 * @param {URL} url @param {string} what
 * @param {{onProgress: OnProgress, onNotice: (text: string) => void}} listeners
 * @returns {Promise<unknown>}
 */
export async function loadValue(url, what, listeners) {
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

/**
 * @param {URL} url @param {string} what
 * @param {{onProgress: OnProgress, onNotice: (text: string) => void}} listeners
 */
async function loadSpelling(url, what, { onProgress, onNotice }) {
  const stop = new AbortController();
  /** @type {{entry: CompanionEntry | "none" | "more"}} */
  const search = { entry: "more" };
  const response = await request(url, stop.signal);
  const bytes = await receive(response, what, onProgress, (chunks) => {
    if (search.entry === "more") search.entry = findCompanion(beginning(chunks));
    return typeof search.entry === "object";
  });
  if (typeof search.entry === "string") return parsedJson(bytes, url);
  stop.abort();
  try {
    return await loadCompanion(companionUrl(response.url, search.entry.file), search.entry, what, onProgress);
  } catch (error) {
    onNotice(`${asPageError(error).message} The JSON file was read in its place.`);
    return parsedJson(await download(url, what, onProgress), url);
  }
}

/** @param {Uint8Array[]} chunks @returns {string} */
function beginning(chunks) {
  let text = "";
  const decoder = new TextDecoder();
  for (const chunk of chunks) {
    text += decoder.decode(chunk.subarray(0, SEARCHED_CHARACTERS), { stream: true });
    if (text.length >= SEARCHED_CHARACTERS) break;
  }
  return text.slice(0, SEARCHED_CHARACTERS);
}

/** @param {URL} url @param {CompanionEntry} entry @param {string} what @param {OnProgress} onProgress */
async function loadCompanion(url, entry, what, onProgress) {
  const bytes = await download(url, what, onProgress);
  const companion = readCompanion(/** @type {ArrayBuffer} */ (bytes.buffer));
  if (companion.id !== entry.id) {
    const message = "The binary file does not belong to the JSON file.";
    throw new PageError("companion", message, "Export them again.");
  }
  return companionValue(companion);
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
