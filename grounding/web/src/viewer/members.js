/**
 * A selection's members: which they are, in what order they are shown, and what is made of them.
 *
 *   combine(rows, found, how, count)     rows with what was found: instead, added or taken away
 *   indicesOf(points, rows)              -> positions in the split, ascending; rows where a file has none
 *   rowsOf(points, indices)              -> {rows, missing}: missing: how many are not in this file
 *   worstRows(points, most)              -> rows of the largest reconstruction errors; null without any
 *   disagreeingRows(points)              -> rows most of whose nearest latents have another label; or null
 *   medoidOf(positions, rows)            -> the row whose mean distance to the others is smallest
 *   distancesTo(positions, row)          -> Float32Array (N), in the picture
 *   inOrder(points, rows, key, medoid)   -> rows by "index", "medoid" (nearest first) or a number (largest first)
 *   meanImage(thumbnails, rows)          -> {values: Float32Array in [0, 1], count} of those that are there
 *   csvOf(points, classes, rows), pythonList(points, rows)   -> text
 */

/** @typedef {import("../assets.js").LatentPoints} LatentPoints */
/** @typedef {"new" | "add" | "subtract"} How */

/** Members that the medoid is found among, and that distances are measured to: evenly taken of more. */
const MOST_CANDIDATES = 5_000;
const MOST_MEASURED = 1_000;
const ERROR = "reconstruction_error";

/** Nothing selected stands for nothing when adding, and for all when taking away. @param {Int32Array | null} rows @param {Int32Array} found @param {How} how @param {number} count */
export function combine(rows, found, how, count) {
  if (how === "new") return found;
  const member = new Uint8Array(count).fill(rows || how === "add" ? 0 : 1);
  for (const row of rows ?? []) member[row] = 1;
  for (const row of found) member[row] = how === "add" ? 1 : 0;
  return Int32Array.from({ length: count }, (_, row) => row).filter((row) => member[row]);
}

/** @param {Pick<LatentPoints, "indices">} points @param {Int32Array} rows */
export const indicesOf = ({ indices }, rows) => (indices ? rows.map((row) => indices[row]).sort() : rows);

/** @param {Pick<LatentPoints, "indices" | "count">} points @param {readonly number[]} wanted */
export function rowsOf({ indices, count }, wanted) {
  const places = indices && new Map(Array.from(indices, (index, row) => [index, row]));
  const found = wanted.map((index) => (places ? places.get(index) : index < count ? index : undefined)).filter((row) => row !== undefined);
  return { rows: Int32Array.from(found).sort(), missing: wanted.length - found.length };
}

/** @param {Pick<LatentPoints, "numbers" | "count">} points @param {number} most */
export function worstRows({ numbers, count }, most) {
  const errors = numbers.get(ERROR);
  if (!errors) return null;
  return Int32Array.from({ length: count }, (_, row) => row)
    .sort((a, b) => errors[b] - errors[a] || a - b)
    .slice(0, most)
    .sort();
}

/** @param {Pick<LatentPoints, "neighbors" | "labels" | "hasLabels" | "count">} points */
export function disagreeingRows({ neighbors, labels, hasLabels, count }) {
  if (!neighbors?.each || !hasLabels) return null;
  const { rows, each } = neighbors;
  return Int32Array.from({ length: count }, (_, row) => row).filter((row) => {
    let same = 0;
    for (let i = row * each; i < (row + 1) * each; i++) if (labels[rows[i]] === labels[row]) same++;
    return 2 * same < each;
  });
}

/** @param {Int32Array} rows @param {number} most */
const evenly = (rows, most) =>
  rows.length <= most ? rows : Int32Array.from({ length: most }, (_, i) => rows[Math.floor((i * rows.length) / most)]);

/** @param {Float32Array} positions (N, 3) @param {number} a @param {number} b */
const distance = (positions, a, b) =>
  Math.sqrt((positions[3 * a] - positions[3 * b]) ** 2 + (positions[3 * a + 1] - positions[3 * b + 1]) ** 2 + (positions[3 * a + 2] - positions[3 * b + 2]) ** 2);

/** Of those rows that were asked about: of many it takes milliseconds. @type {WeakMap<Int32Array, number>} */
const medoids = new WeakMap();

/** @param {Float32Array} positions (N, 3), one for all @param {Int32Array} rows at least one @returns {number} */
export function medoidOf(positions, rows) {
  const known = medoids.get(rows) ?? findMedoid(positions, rows);
  medoids.set(rows, known);
  return known;
}

/** @param {Float32Array} positions @param {Int32Array} rows */
function findMedoid(positions, rows) {
  const others = evenly(rows, MOST_MEASURED);
  let [best, least] = [rows[0], Infinity];
  for (const row of evenly(rows, MOST_CANDIDATES)) {
    let sum = 0;
    for (let i = 0; i < others.length && sum < least; i++) sum += distance(positions, row, others[i]);
    if (sum < least) [best, least] = [row, sum];
  }
  return best;
}

/** @param {Float32Array} positions (N, 3) @param {number} row */
export const distancesTo = (positions, row) => Float32Array.from({ length: positions.length / 3 }, (_, other) => distance(positions, other, row));

/** @param {Pick<LatentPoints, "numbers" | "points">} points @param {Int32Array} rows @param {string} key @param {number} medoid */
export function inOrder({ numbers, points }, rows, key, medoid) {
  const values = key === "medoid" ? distancesTo(points, medoid).map((value) => -value) : numbers.get(key);
  return values ? rows.slice().sort((a, b) => values[b] - values[a] || a - b) : rows;
}

/** @param {import("../assets.js").Thumbnails} thumbnails @param {Int32Array} rows */
export function meanImage({ data, shape: [channels, height, width], loaded }, rows) {
  const size = channels * height * width;
  const values = new Float32Array(size);
  const there = rows.filter((row) => row < loaded);
  for (const row of there) for (let i = 0, at = row * size; i < size; i++, at++) values[i] += data[at];
  for (let i = 0; i < size; i++) values[i] /= 255 * (there.length || 1);
  return { values, count: there.length };
}

/** RFC 4180. @param {string} text */
const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** @param {LatentPoints} points @param {import("../classes.js").Classes} classes @param {Int32Array} rows */
export function csvOf({ indices, labels, hasLabels, classNames, numbers, points }, { nameOf }, rows) {
  const isNamed = hasLabels && classNames.size > 0;
  const head = ["index", ...(hasLabels ? ["label"] : []), ...(isNamed ? ["class"] : []), ...numbers.keys(), "x", "y", "z"];
  const lines = Array.from(rows, (row) => [
    String(indices ? indices[row] : row),
    ...(hasLabels ? [String(labels[row])] : []),
    ...(isNamed ? [nameOf(labels[row])] : []),
    ...[...numbers.values()].map((values) => String(values[row])),
    ...Array.from(points.subarray(3 * row, 3 * row + 3), String),
  ]);
  return [head, ...lines].map((line) => `${line.map(quoted).join(",")}\r\n`).join("");
}

/** @param {Pick<LatentPoints, "indices">} points @param {Int32Array} rows */
export const pythonList = (points, rows) => `[${Array.from(indicesOf(points, rows)).join(", ")}]`;
