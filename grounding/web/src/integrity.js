/**
 * Files against the hashes that their run's manifest has.
 *
 *   await manifestBeside(url, file)          -> Manifest, or null: the file (a parsed JSON value) is no
 *                                               output of a run, or its manifest does not lie beside it
 *   await checkWhole(manifest, url, chunks)  throws PageError "damaged" if these bytes are not those
 *   const kept = keeper();                   for a file that is used while it comes in
 *   kept.add(chunk); kept.chunks             null once there are too many
 *
 * Nothing is checked that the manifest does not name, that is larger than MOST_BYTES, or where the
 * browser offers no hashes: it does so for https and for this machine's own addresses.
 */

import { download, joined } from "./download.js";
import { PageError } from "./errors.js";

/** @typedef {{url: URL, hashes: Map<string, string>}} Manifest hashes: SHA-256 by the file's name */

export const MOST_BYTES = 128_000_000;

/** @param {URL} url @param {any} file @returns {Promise<Manifest | null>} */
export async function manifestBeside(url, file) {
  const { experiment, made_from: madeFrom } = file ?? {};
  if (!globalThis.crypto?.subtle || typeof experiment !== "string" || !experiment || !madeFrom) return null;
  const place = new URL(`./${encodeURIComponent(`${experiment}.run.json`)}`, url);
  try {
    const { artifacts } = JSON.parse(new TextDecoder().decode(await download(place, "manifest", () => undefined)));
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

/** @param {Manifest | null} manifest @param {URL} url @param {readonly Uint8Array[] | null} chunks */
export async function checkWhole(manifest, url, chunks) {
  if (!manifest || !chunks || new URL("./", url).href !== new URL("./", manifest.url).href) return;
  const name = lastOf(url);
  // A server may know a file by its config's number as well: 5_x.onnx is x.onnx.
  const wanted = manifest.hashes.get(name) ?? manifest.hashes.get(name.replace(/^\d+_/, ""));
  if (wanted === undefined) return;
  const size = chunks.reduce((sum, { length }) => sum + length, 0);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", joined(chunks, size)));
  if (Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("") === wanted) return;
  const message = `${name} is damaged, or of another export: its hash is not the one in ${lastOf(manifest.url)}.`;
  throw new PageError("damaged", message, "Copy the files of the run again, or export them again.");
}

/** @param {URL} url */
function lastOf(url) {
  return decodeURIComponent(url.pathname.split("/").pop() ?? "");
}

export function keeper() {
  /** @type {Uint8Array[] | null} */
  let chunks = [];
  let size = 0;
  return {
    /** @param {Uint8Array} chunk */
    add(chunk) {
      size += chunk.length;
      if (size > MOST_BYTES) chunks = null;
      chunks?.push(chunk);
    },
    get chunks() {
      return chunks;
    },
  };
}
