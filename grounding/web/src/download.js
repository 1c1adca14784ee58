/**
 * Files of this server as they come in.
 *
 *   const response = await request(url, signal);        throws PageError "missing", "network"
 *   for await (const chunk of chunksOf(response)) …     Uint8Arrays; "network", "too-large"
 *   await download(url, what, onProgress, most)         -> Uint8Array, the whole file; of at most so many bytes
 *   announced(response)                                 -> bytes to come, or null
 *   tooLarge(url)                                       PageError for a file of more than MAX_BYTES
 *   nameOf(url)                                         a path as the reader knows it
 *
 * Leaving the loop ends the transfer.
 */

import { PageError } from "./errors.js";

/** @typedef {import("./messages.js").Progress} Progress */
/** @typedef {(progress: Progress) => void} OnProgress */

export const MAX_BYTES = 1_000_000_000;

/** @param {URL} url */
export function nameOf(url) {
  try {
    return decodeURIComponent(url.pathname);
  } catch {
    return url.pathname;
  }
}

/** @param {URL} url @param {AbortSignal} [signal] @returns {Promise<Response>} */
export async function request(url, signal) {
  let response;
  try {
    response = await fetch(url, { signal, credentials: "same-origin", redirect: "error" });
  } catch (error) {
    const next =
      "See whether the server still runs, and whether its header Content-Security-Policy, if it sends one, " +
      "allows connect-src 'self'; then reload the page.";
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
export function announced(response) {
  const length = Number(response.headers.get("content-length"));
  return response.headers.has("content-encoding") || !(length > 0) ? null : length;
}

/** @param {Response} response @param {number} [most] bytes @returns {AsyncGenerator<Uint8Array<ArrayBuffer>, void, void>} */
export async function* chunksOf(response, most = MAX_BYTES) {
  const reader = response.body?.getReader();
  let loaded = 0;
  try {
    for (;;) {
      const part = await reader?.read();
      if (!part || part.done) return;
      loaded += part.value.length;
      if (loaded > most) break;
      yield part.value;
    }
  } catch (error) {
    const message = `The connection broke after ${loaded} bytes: ${error}.`;
    throw new PageError("network", message, "Reload the page.");
  } finally {
    reader?.cancel().catch(() => undefined);
  }
  throw tooLarge(new URL(response.url), most);
}

/** @param {URL} url @param {number} [most] bytes */
export function tooLarge(url, most = MAX_BYTES) {
  const message = `${nameOf(url)} is larger than ${most} bytes.`;
  return new PageError("too-large", message, "Export again with a lower --max-points.");
}

/** @param {readonly Uint8Array[]} chunks @param {number} size */
export function joined(chunks, size) {
  const bytes = new Uint8Array(size);
  let place = 0;
  for (const chunk of chunks) {
    bytes.set(chunk.subarray(0, size - place), place);
    place = Math.min(size, place + chunk.length);
  }
  return bytes;
}

/** @param {URL} url @param {string} what @param {OnProgress} onProgress @param {number} [most] bytes @returns {Promise<Uint8Array<ArrayBuffer>>} */
export async function download(url, what, onProgress, most = MAX_BYTES) {
  onProgress({ loaded: 0, total: null, what });
  const response = await request(url);
  const total = announced(response);
  const chunks = [];
  let loaded = 0;
  for await (const chunk of chunksOf(response, most)) {
    chunks.push(chunk);
    loaded += chunk.length;
    onProgress({ loaded, total, what });
  }
  return joined(chunks, loaded);
}
