/**
 * What the manifest of a run says, which lies beside its files.
 *
 *   await manifestOf(file, experiment)   -> its JSON value, asked for once; null: there is none, or it cannot be read
 *
 * file: the address of points or assets. integrity.js reads it for the worker, which compares hashes.
 */

/** Those that were there, by their address. @type {Map<string, any>} */
const known = new Map();

/** @param {string} file @param {string} experiment @returns {Promise<any>} */
export async function manifestOf(file, experiment) {
  const url = new URL(`./${encodeURIComponent(`${experiment}.run.json`)}`, new URL(file, location.href)).href;
  try {
    if (!known.has(url)) {
      const answer = await fetch(url);
      if (answer.ok) known.set(url, await answer.json());
    }
  } catch {
    // As if there were none.
  }
  return known.get(url) ?? null;
}
