/**
 * Files for the reader's disk.
 *
 *   saveBlob(blob, "name.png")      offers it as a download
 *   fileNameOf("a/b: c")            -> "a_b_c": letters, digits, dots, dashes of any text, or "picture"
 */

import { element } from "./element.js";

const LONGEST = 80;
/** Long enough for every browser to have taken the file. */
const KEEP_MS = 10_000;

/** @param {Blob} blob @param {string} name */
export function saveBlob(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = element("a", { href: url, download: name, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), KEEP_MS);
}

/** @param {string} text */
export function fileNameOf(text) {
  const safe = text.replace(/[^\p{L}\p{N}.-]+/gu, "_").replace(/^[._-]+|[._-]+$/g, "");
  return safe.slice(0, LONGEST) || "picture";
}
