/**
 * URLs that come in as query parameters.
 *
 *   sameOriginUrl(text, base, name)  -> URL, or throws PageError "url"
 *   otherSpelling(url)               -> the same with or without a config's number, or null
 *   arraysUrl(url, file)             -> URL of a file in the same folder
 *   manifestUrl(url, experiment)     -> URL of a run's manifest there, or null: that is no name of a run
 *
 * Only http and https of the page's own origin are let through.
 */

import { PageError } from "./errors.js";

const LONGEST = 2_000;

/**
 * @param {string} text @param {string} base the page's own URL @param {string} name of the parameter
 * @returns {URL}
 */
export function sameOriginUrl(text, base, name) {
  const page = new URL(base);
  /** @param {string} what */
  const refused = (what) => {
    const next = `Give ${name} a path on this server, such as /artifacts/….`;
    return new PageError("url", `The address in “${name}” ${what}.`, next);
  };
  if (!text.trim()) throw refused("is empty");
  if (text.length > LONGEST) throw refused("is too long");
  let url;
  try {
    url = new URL(text, page);
  } catch {
    throw refused("cannot be read");
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") throw refused("is not a web address");
  if (url.username || url.password) throw refused("holds a user name or password");
  if (url.origin !== page.origin) throw refused("points to another server");
  url.hash = "";
  return url;
}

/**
 * A data file may be named by the config (`5_resnet_…`) or by the experiment (`resnet_…`).
 * @param {URL} url
 * @returns {URL | null} without the number; null when there is none to leave out
 */
export function otherSpelling(url) {
  const slash = url.pathname.lastIndexOf("/") + 1;
  const name = url.pathname.slice(slash);
  const short = name.replace(/^\d+_/, "");
  if (short === name || !short) return null;
  const other = new URL(url);
  other.pathname = url.pathname.slice(0, slash) + short;
  return other;
}

/** @param {URL | string} url @param {string} file a bare name @returns {URL} */
export function arraysUrl(url, file) {
  const other = new URL(`./${encodeURIComponent(file)}`, url);
  other.search = "";
  return other;
}

/** @param {URL | string} url @param {unknown} experiment @returns {URL | null} */
export function manifestUrl(url, experiment) {
  // Servers read %2F as a slash, which leads out of the folder.
  if (typeof experiment !== "string" || !/^[^/\\]+$/.test(experiment)) return null;
  return new URL(`./${encodeURIComponent(`${experiment}.run.json`)}`, url);
}
