/**
 * Files against the hashes that their run's manifest has.
 *
 *   await manifestBeside(url, file)          -> Manifest, or null: the file (a parsed JSON value) is no
 *                                               output of a run, or its manifest does not lie beside it
 *   await checkWhole(manifest, url, bytes)   throws PageError "damaged" if these bytes are not those
 *   isChecked(manifest, url, size)           whether a file that can be used while it comes in is to
 *                                            be checked first: it must not be too large to be kept
 *
 * Nothing is checked that the manifest does not name, or where the browser offers no hashes: it does so
 * for https and for this machine's own addresses.
 */

import { PageError } from "./errors.js";
import { manifestAt } from "./manifest.js";
import { manifestUrl } from "./urls.js";

/** @typedef {{url: URL, hashes: Map<string, string>}} Manifest hashes: SHA-256 by the file's name */

const MOST_BYTES = 128_000_000;

/** @param {URL} url @param {any} file @returns {Promise<Manifest | null>} */
export async function manifestBeside(url, file) {
  const { experiment, made_from: madeFrom } = file ?? {};
  const place = manifestUrl(url, experiment);
  if (!globalThis.crypto?.subtle || !place || !madeFrom) return null;
  try {
    const { artifacts } = await manifestAt(place);
    /** @type {Map<string, string>} */
    const hashes = new Map();
    for (const { files } of Object.values(artifacts)) {
      for (const [name, { sha256 }] of Object.entries(files)) hashes.set(name, sha256);
    }
    return { url: place, hashes };
  } catch {
    return null;
  }
}

/** @param {Manifest | null} manifest @param {URL} url @param {Uint8Array<ArrayBuffer>} bytes */
export async function checkWhole(manifest, url, bytes) {
  const wanted = hashOf(manifest, url);
  if (wanted === undefined) return;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  if (Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("") === wanted) return;
  const message = `${lastOf(url)} is damaged, or of another export: its hash is not the one in ${lastOf(/** @type {Manifest} */ (manifest).url)}.`;
  throw new PageError("damaged", message, "Copy the files of the run again, or export them again.");
}

/** @param {Manifest | null} manifest @param {URL} url @param {number} size */
export function isChecked(manifest, url, size) {
  return size <= MOST_BYTES && hashOf(manifest, url) !== undefined;
}

/** @param {Manifest | null} manifest @param {URL} url */
function hashOf(manifest, url) {
  if (!manifest || new URL("./", url).href !== new URL("./", manifest.url).href) return undefined;
  const name = lastOf(url);
  // A server may know a file by its config's number as well: 5_x.onnx is x.onnx.
  return manifest.hashes.get(name) ?? manifest.hashes.get(name.replace(/^\d+_/, ""));
}

/** @param {URL} url */
function lastOf(url) {
  return decodeURIComponent(url.pathname.split("/").pop() ?? "");
}
