/**
 * What the viewer says about a file and its points, as text.
 *
 *   countText(points)            "5,000 of 10,000 points, test split"
 *   pointName(points, row)       "Test image 1,234", "Image 1,234" or, without images, "Row 1,234"
 *   facts(points)                -> [[term, value]] for the list of facts
 *   searchText(points)           -> {label, hint} of the field that finds a point
 *   findPoint(points, text)      -> {row} or {message}
 *   wordsOf("some_key")          "Some key"
 *   numbersOf(points, row)       -> [[key, value]] of its further numbers
 *   countClasses(labels, rows)   -> [{label, count}], most first
 */

import { formatCount, formatNumber } from "../format.js";

/** @typedef {import("../assets.js").LatentPoints} LatentPoints */

/** @param {string} text */
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** @param {string} key */
export const wordsOf = (key) => capital(key.replaceAll("_", " "));

/** @param {Pick<LatentPoints, "count" | "about">} points */
export function countText({ count, about: { available, split } }) {
  const isPart = available !== null && available > count;
  const amount = isPart ? `${formatCount(count)} of ${formatCount(available)}` : formatCount(count);
  return `${amount} ${count === 1 && !isPart ? "point" : "points"}${ofSplit(split) ? `, ${split} split` : ""}`;
}

/** Embeddings from anywhere are no split of a data set. @param {string} split */
const ofSplit = (split) => (split === "all" ? "" : split);

/** @param {LatentPoints} points @param {number} row */
export function pointName({ indices, imageShape, about: { split } }, row) {
  if (!indices || !imageShape) return `Row ${formatCount(indices?.[row] ?? row)}`;
  return `${ofSplit(split) ? `${capital(split)} image` : "Image"} ${formatCount(indices[row])}`;
}

/** @param {LatentPoints} points @returns {[term: string, value: string][]} */
export function facts({ about, count, latentDim, l2Normalized, imageShape }) {
  /** @type {[string, string | null][]} */
  const rows = [
    ["Experiment", about.experiment],
    ["Split", ofSplit(about.split)],
    ["Points", about.available === null ? formatCount(count) : `${formatCount(count)} of ${formatCount(about.available)}`],
    ["Latent", latentDim === null ? null : `${formatCount(latentDim)} numbers${l2Normalized ? ", scaled to unit length" : ""}`],
    ["Projection", about.projection],
    ["n_neighbors", about.neighbors === null ? null : String(about.neighbors)],
    ["min_dist", about.minDist === null ? null : String(about.minDist)],
    ["Images", imageShape && `${imageShape[1]} × ${imageShape[2]} pixels, ${imageShape[0] === 1 ? "1 channel" : `${imageShape[0]} channels`}`],
    ["Checkpoint", about.checkpoint],
    ["SHA-256", about.checkpointSha256],
  ];
  return rows.flatMap(([term, value]) => (value ? [/** @type {[string, string]} */ ([term, value])] : []));
}

/** @param {LatentPoints} points */
export function searchText({ count, indices, about: { split, available } }) {
  if (!indices) return { label: "Find by row", hint: `0 to ${formatCount(count - 1)}` };
  const last = available ?? indices.reduce((most, index) => Math.max(most, index), 0) + 1;
  return { label: ofSplit(split) ? `Find by position in the ${split} split` : "Find by row", hint: `0 to ${formatCount(last - 1)}` };
}

/**
 * @param {LatentPoints} points @param {string} text
 * @returns {{row: number} | {message: string}}
 */
export function findPoint({ count, indices, imageShape, about: { split } }, text) {
  const digits = text.replace(/[\s,_.]/g, "");
  if (!/^\d{1,10}$/.test(digits)) return { message: "Type a whole number." };
  const wanted = Number(digits);
  const row = indices ? indices.indexOf(wanted) : wanted < count ? wanted : -1;
  if (row >= 0) return { row };
  if (!indices) return { message: `There is no row ${formatCount(wanted)}: the last is ${formatCount(count - 1)}.` };
  const where = ofSplit(split) ? ` of the ${split} split` : "";
  return { message: `${imageShape ? "Image" : "Row"} ${formatCount(wanted)}${where} is not among these ${formatCount(count)} points.` };
}

/** @param {LatentPoints} points @param {number} row @returns {[string, string][]} */
export function numbersOf({ numbers }, row) {
  return [...numbers].map(([key, values]) => [key, formatNumber(values[row], 4)]);
}

/** @param {ArrayLike<number>} labels @param {Int32Array} rows */
export function countClasses(labels, rows) {
  /** @type {Map<number, number>} */
  const counts = new Map();
  for (const row of rows) counts.set(labels[row], (counts.get(labels[row]) ?? 0) + 1);
  return [...counts].map(([label, count]) => ({ label, count })).sort((a, b) => b.count - a.count || a.label - b.label);
}
