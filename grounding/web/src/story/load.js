/**
 * A story that somebody else has written, from the address.
 *
 *   await loadStory("/lessons/week1.json")   -> the JSON value; PageError "url", "missing", "network",
 *                                               "too-large", "not-json"
 */

import { chunksOf, joined, nameOf, request } from "../download.js";
import { PageError } from "../errors.js";
import { sameOriginUrl } from "../urls.js";

export const MOST_BYTES = 65_536;

/** @param {string} text @param {string} [base] @returns {Promise<unknown>} */
export async function loadStory(text, base = location.href) {
  const url = sameOriginUrl(text, base, "story");
  const chunks = [];
  let size = 0;
  for await (const chunk of chunksOf(await request(url))) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > MOST_BYTES) throw new PageError("too-large", `${nameOf(url)} is larger than ${MOST_BYTES} bytes, which a story may have.`, "Make it shorter.");
  }
  try {
    return JSON.parse(new TextDecoder().decode(joined(chunks, size)));
  } catch (error) {
    const why = error instanceof Error ? `: ${error.message}` : "";
    throw new PageError("not-json", `${nameOf(url)} is not JSON${why}.`, "Correct it and reload the page.");
  }
}
