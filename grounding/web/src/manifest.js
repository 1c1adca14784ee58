/**
 * What the manifest of a run says, which lies beside its files.
 *
 *   await manifestOf(file, experiment)   -> its JSON value, asked for once; null: there is none, or it cannot be read
 *
 *   await manifestAt(url)                -> its JSON value; throws
 *
 * file: the address of points or assets. integrity.js reads it for the worker, which compares hashes.
 */

import { download } from "./download.js";
import { manifestUrl } from "./urls.js";

/** No manifest is larger; a larger file would take a hundred times its size. */
const MOST_BYTES = 16 << 20;

/** @param {URL} url @returns {Promise<any>} its JSON value; throws whatever is wrong */
export async function manifestAt(url) {
  return JSON.parse(new TextDecoder().decode(await download(url, "manifest", () => undefined, MOST_BYTES)));
}

/** Those that were there, by their address. @type {Map<string, any>} */
const known = new Map();

/** @param {string} file @param {string} experiment @returns {Promise<any>} */
export async function manifestOf(file, experiment) {
  const url = manifestUrl(new URL(file, location.href), experiment);
  if (!url) return null;
  try {
    if (!known.has(url.href)) known.set(url.href, await manifestAt(url));
  } catch {
    // As if there were none.
  }
  return known.get(url.href) ?? null;
}
