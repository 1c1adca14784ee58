/**
 * A view as text to copy.
 *
 *   frameOf(address, title)      -> an <iframe> for an article
 *   citationOf(facts, address)   -> one line: run, version, manifest or checkpoint, address
 *   await factsBeside(file, experiment, sha)  -> what the run's manifest says, as far as it lies there
 */

import { manifestOf } from "../manifest.js";
import { escaped } from "./svg.js";

/** @typedef {{run: string, version: string, manifest: string, checkpoint: string}} Facts */

/** @param {string} address @param {string} title */
export function frameOf(address, title) {
  const url = new URL(address);
  url.searchParams.delete("step");
  const src = `${url.href}${url.search ? "&" : "?"}embed=1`;
  return `<iframe src="${escaped(src)}" width="100%" height="480" title="${escaped(title)}"></iframe>`;
}

/** @param {Facts} facts @param {string} address */
export function citationOf({ run, version, manifest, checkpoint }, address) {
  return [
    `Latent space of ${run || "an unnamed run"}`,
    version && `grounding ${version}`,
    manifest && `manifest SHA-256 ${manifest}`,
    checkpoint && `checkpoint SHA-256 ${checkpoint}`,
    address,
  ].filter(Boolean).join(", ");
}

/** @param {string} file of points or assets @param {string} experiment @param {string} checkpoint @returns {Promise<Facts>} */
export async function factsBeside(file, experiment, checkpoint) {
  const { name, code, sha256 } = (await manifestOf(file, experiment)) ?? {};
  return { run: String(name ?? experiment), version: String(code?.grounding ?? ""), manifest: String(sha256 ?? ""), checkpoint };
}
