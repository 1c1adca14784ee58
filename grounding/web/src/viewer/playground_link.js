/**
 * The playground of the run whose points these are, beginning at a selection.
 *
 *   const playground = await playgroundOf(dataUrl, points);   null: no manifest beside the points names what it needs
 *   playground(image, selected)                               -> its address; image: position in the split
 *   await filesBeside(dataUrl, points)                        -> the addresses of assets and models, or null
 */

import { manifestOf } from "../manifest.js";

/** @typedef {(image: number | null, selected: string) => string} PlaygroundAddress */
/** @typedef {{assets: string, encoder: string, decoder: string}} PlaygroundFiles addresses, as that of the points */

const PAGE = "interactive_latent_playground.html";

/**
 * What the manifest beside the points names; null if there is none, or it lacks something.
 * @param {string} data as the address of the viewer has it
 * @param {Pick<import("../assets.js").LatentPoints, "about">} points @returns {Promise<PlaygroundFiles | null>}
 */
export async function filesBeside(data, { about: { experiment, split, isOfRun } }) {
  // In a notebook's cell there is no address that leads anywhere.
  if (!experiment || !isOfRun || document.URL.startsWith("about:")) return null;
  const folder = data.slice(0, data.lastIndexOf("/") + 1);
  const beside = (/** @type {string} */ name) => folder + encodeURIComponent(name);
  const files = playgroundFiles(await manifestOf(data, experiment), split);
  return files && { assets: beside(files.assets), encoder: beside(files.encoder), decoder: beside(files.decoder) };
}

/** @param {string} data @param {Pick<import("../assets.js").LatentPoints, "about">} points @returns {Promise<PlaygroundAddress | null>} */
export async function playgroundOf(data, points) {
  const files = await filesBeside(data, points);
  if (!files) return null;
  const start = Object.entries(files).map(([name, file]) => `${name}=${encodeURIComponent(file).replaceAll("%2F", "/")}`);
  return (image, selected) =>
    `${PAGE}?${[...start, ...(image === null ? [] : ["source=reference", `image=${image}`]), ...(selected ? [`selected=${selected}`] : [])].join("&")}`;
}

/**
 * @param {any} manifest @param {string} split
 * @returns {PlaygroundFiles | null} names of files
 */
export function playgroundFiles(manifest, split) {
  /** @type {[string, any][]} */
  const outputs = Object.entries(manifest?.artifacts ?? {}).filter(([name, one]) => one && !name.includes("/"));
  const named = (/** @type {string} */ kind, /** @type {(one: any) => boolean} */ fits = () => true) => outputs.find(([, one]) => one.kind === kind && fits(one))?.[0];
  const [assets, encoder, decoder] = [named("assets", ({ results }) => results?.split === split), named("encoder"), named("decoder")];
  return assets && encoder && decoder ? { assets, encoder, decoder } : null;
}
