/**
 * One table of state that is the URL.
 *
 *   VIEWER, PLAYGROUND, COMMON               the two tables, and what both have: name -> field
 *   readState(table, search)                 -> state; missing or bad values become the default
 *   writeState(table, state)                 -> "?a=1&b=2" without defaults, or ""
 *   defaultState(table)                      -> state
 *
 * State is a plain object with every name of its table. Values are validated and clamped when read
 * and when written, so a state always survives a round trip:
 *   number, integer   number, clamped to min .. max; numbers keep `digits` decimals; an optional
 *                     one is null when absent
 *   choice            one of `of`
 *   flag              boolean ("1" in the URL)
 *   text              string of at most LONGEST_TEXT characters, or `most`
 *   integers          ascending distinct integers ("-1.4.7"), each in min .. max
 *   colors            hex digits of colours ("1f77b4.ff7f0e")
 *   vector            `size` finite numbers ("1_2.5_3"), or null
 *   parts             some of `of`, in that order ("stage,sliders"); "1" is `usual`
 *
 *   unknownParts(search)                     -> what `embed` names beyond EMBED's parts
 *   isAllowed(field, value)                  whether a value can be taken as it is
 *   allowed(field)                           -> what it takes, in words
 */

import { SLIDER_RANGES } from "./augment.js";
import { MAX_SEED } from "./rng.js";

/**
 * @typedef {{kind: "number", initial: number | null, min: number, max: number, digits: number}} NumberField
 * @typedef {{kind: "integer", initial: number | null, min: number, max: number}} IntegerField
 * @typedef {{kind: "choice", initial: string, of: readonly string[]}} ChoiceField
 * @typedef {{kind: "flag", initial: boolean}} FlagField
 * @typedef {{kind: "text", initial: string, most?: number}} TextField
 * @typedef {{kind: "integers", initial: readonly number[], min: number, max: number}} IntegersField
 * @typedef {{kind: "colors", initial: readonly string[]}} ColorsField
 * @typedef {{kind: "vector", initial: null, size: number}} VectorField
 * @typedef {{kind: "parts", initial: readonly string[], of: readonly string[], usual: readonly string[]}} PartsField
 * @typedef {NumberField | IntegerField | ChoiceField | FlagField | TextField | IntegersField |
 *   ColorsField | VectorField | PartsField} Field
 * @typedef {Readonly<Record<string, Field>>} Table
 */

/**
 * @typedef {object} CommonState
 * @property {number[] | null} camera camera.js's cameraToVector
 * @property {"auto" | "light" | "dark"} theme
 * @property {"auto" | "2d" | "3d"} view flat or not; auto: as the points are
 * @property {boolean} glyphs labels instead of dots
 * @property {boolean} names of the classes, where they are densest
 * @property {boolean} pictures instead of dots that are near
 * @property {"auto" | "on" | "off"} density points let others through; auto: of many
 * @property {string[]} embed the parts of the page that are shown in a frame of another; none: all, on a page of its own
 * @property {number} size of the points, in pixels
 * @property {string[]} palette colours of the classes in their order, hex digits; none: the page's own
 */

/**
 * @typedef {CommonState & {data: string, other: string, camera2: number[] | null, selected: string, color: string, dim: number[], isolate: number | null,
 *   select: number | null, film: string, epoch: number | null}} ViewerState color: "" for classes, or a number
 *   column's key; film: its file, "" for the one that the manifest names; epoch: shown of it, null: it is closed;
 *   selected: indices.js's text; other: the points of a second run, beside the first, and camera2 its camera
 */

/**
 * @typedef {CommonState & {assets: string, encoder: string, decoder: string,
 *   mode: "probe" | "interpolate" | "flow" | "slice", source: "digit" | "drawing" | "reference" | "image", digit: number | null,
 *   reference: number | null, strokes: string, shiftX: number, shiftY: number, rotation: number,
 *   scale: number, shear: number, elastic: number, thickness: number, intensity: number,
 *   noise: number, masking: number, seed: number, normalize: boolean, from: number | null,
 *   to: number | null, t: number, steps: number, color: "class" | "basin", attractor: number | null,
 *   plane: "axes" | "points", third: number | null, at: number[] | null, dynamics: string,
 *   place: number[] | null, axes: string, look: boolean, image: number | null, selected: string, story: string, step: number | null, dim: number[], isolate: number | null}} PlaygroundState
 *   place: a point of the picture; axes: playground/edits.js's text; digit: which sample, null for the page's choice; reference, from, to: rows of references; strokes:
 *   playground/strokes.js's text; story: a file of one; step: of the story, from 1
 */

const LONGEST_TEXT = 2_000;
/** Servers take addresses of about 8,000 characters. */
export const LONGEST_SELECTION = 6_000;
const MOST_INTEGERS = 1_000;
const MOST_COLORS = 256;
const VECTOR_DIGITS = 4;
const MAX_INDEX = 0x7fffffff;
/** Labels are 32-bit integers. */
const LABELS = { min: -MAX_INDEX - 1, max: MAX_INDEX };

/** @type {PartsField} */
const EMBED = { kind: "parts", initial: [], of: ["stage", "pictures", "input", "sliders", "legend", "readouts"], usual: ["stage", "pictures"] };

/** @type {Table} */
export const COMMON = {
  size: { kind: "number", initial: 4, min: 1, max: 20, digits: 1 },
  glyphs: { kind: "flag", initial: false },
  names: { kind: "flag", initial: true },
  pictures: { kind: "flag", initial: true },
  density: { kind: "choice", initial: "auto", of: ["auto", "on", "off"] },
  theme: { kind: "choice", initial: "auto", of: ["auto", "light", "dark"] },
  embed: EMBED,
  palette: { kind: "colors", initial: [] },
  camera: { kind: "vector", initial: null, size: 6 },
  view: { kind: "choice", initial: "auto", of: ["auto", "2d", "3d"] },
};

/** @type {Table} */
export const VIEWER = Object.freeze({
  data: { kind: "text", initial: "" },
  other: { kind: "text", initial: "" },
  color: { kind: "text", initial: "" },
  dim: { kind: "integers", initial: [], ...LABELS },
  isolate: { kind: "integer", initial: null, ...LABELS },
  select: { kind: "integer", initial: null, min: 0, max: MAX_INDEX },
  selected: { kind: "text", initial: "", most: LONGEST_SELECTION },
  camera2: { kind: "vector", initial: null, size: 6 },
  film: { kind: "text", initial: "" },
  epoch: { kind: "number", initial: null, min: 0, max: 1e6, digits: 2 },
  ...COMMON,
});

/** @param {keyof typeof SLIDER_RANGES} name @param {number} initial @returns {NumberField} */
function slider(name, initial) {
  const { min, max } = SLIDER_RANGES[name];
  return { kind: "number", initial, min, max, digits: 2 };
}

/** @type {Table} */
export const PLAYGROUND = Object.freeze({
  assets: { kind: "text", initial: "" },
  encoder: { kind: "text", initial: "" },
  decoder: { kind: "text", initial: "" },
  dynamics: { kind: "text", initial: "" },
  mode: { kind: "choice", initial: "probe", of: ["probe", "interpolate", "flow", "slice"] },
  source: { kind: "choice", initial: "digit", of: ["digit", "drawing", "reference", "image"] },
  digit: { kind: "integer", initial: null, min: 0, max: 999 },
  reference: { kind: "integer", initial: null, min: 0, max: MAX_INDEX },
  strokes: { kind: "text", initial: "" },
  shiftX: slider("shiftX", 0),
  shiftY: slider("shiftY", 0),
  rotation: slider("rotation", 0),
  scale: slider("scale", 1),
  shear: slider("shear", 0),
  elastic: slider("elastic", 0),
  thickness: slider("thickness", 0),
  intensity: slider("intensity", 1),
  noise: slider("noise", 0),
  masking: slider("masking", 0),
  seed: { kind: "integer", initial: 1, min: 0, max: MAX_SEED },
  normalize: { kind: "flag", initial: true },
  from: { kind: "integer", initial: null, min: 0, max: MAX_INDEX },
  to: { kind: "integer", initial: null, min: 0, max: MAX_INDEX },
  t: { kind: "number", initial: 0.5, min: 0, max: 1, digits: 3 },
  steps: { kind: "number", initial: 0, min: 0, max: 1e6, digits: 2 },
  color: { kind: "choice", initial: "class", of: ["class", "basin"] },
  attractor: { kind: "integer", initial: null, min: 1, max: MAX_INDEX },
  plane: { kind: "choice", initial: "axes", of: ["axes", "points"] },
  third: { kind: "integer", initial: null, min: 0, max: MAX_INDEX },
  at: { kind: "vector", initial: null, size: 2 },
  place: { kind: "vector", initial: null, size: 3 },
  axes: { kind: "text", initial: "" },
  look: { kind: "flag", initial: true },
  image: { kind: "integer", initial: null, min: 0, max: MAX_INDEX },
  selected: VIEWER.selected,
  story: { kind: "text", initial: "" },
  step: { kind: "integer", initial: null, min: 1, max: 40 },
  dim: VIEWER.dim,
  isolate: VIEWER.isolate,
  ...COMMON,
});

/** What of an address names files, and what only how a page looks: neither is a place in it. */
export const FILES = ["data", "assets", "encoder", "decoder", "dynamics"];
export const LOOKS = ["theme", "palette"];

/** @param {Table} table @returns {any} ViewerState or PlaygroundState */
export function defaultState(table) {
  return Object.fromEntries(Object.entries(table).map(([name, field]) => [name, initialOf(field)]));
}

/** @param {Table} table @param {string | URLSearchParams} search @returns {any} as defaultState */
export function readState(table, search) {
  const parameters = new URLSearchParams(search);
  const state = defaultState(table);
  for (const [name, field] of Object.entries(table)) {
    const text = parameters.get(name);
    if (text !== null) state[name] = checked(field, parsed(field, text));
  }
  return state;
}

/** @param {Table} table @param {Record<string, unknown>} state @returns {string} */
export function writeState(table, state) {
  const parts = [];
  for (const [name, field] of Object.entries(table)) {
    const text = written(field, checked(field, state[name]));
    if (text !== written(field, initialOf(field))) {
      // A path is easier to read, and as valid, with its slashes and commas left alone.
      parts.push(`${name}=${encodeURIComponent(text).replaceAll("%2F", "/").replaceAll("%2C", ",")}`);
    }
  }
  return parts.length ? `?${parts.join("&")}` : "";
}

/** @param {Field} field */
function initialOf(field) {
  return Array.isArray(field.initial) ? [...field.initial] : field.initial;
}

/** @param {Field} field @param {string} text @returns {unknown} */
function parsed(field, text) {
  if (text.length > LONGEST_TEXT * 4) return undefined;
  switch (field.kind) {
    case "number":
    case "integer":
      return text.trim() === "" ? undefined : Number(text);
    case "flag":
      return text === "1" ? true : text === "0" ? false : undefined;
    case "integers":
      return text === "" ? [] : text.split(".").map(Number);
    case "colors":
      return text === "" ? [] : text.toLowerCase().split(".");
    case "vector":
      return text.split("_").map((part) => (part === "" ? NaN : Number(part)));
    case "parts":
      return text === "1" ? [...field.usual] : text.split(",");
    default:
      return text;
  }
}

/** @param {Field} field @param {unknown} value @returns {unknown} value, clamped, or the default */
function checked(field, value) {
  const initial = initialOf(field);
  switch (field.kind) {
    case "number":
    case "integer": {
      if (typeof value !== "number" || !Number.isFinite(value)) return initial;
      const digits = field.kind === "number" ? field.digits : 0;
      const rounded = Number(value.toFixed(digits));
      return Math.min(field.max, Math.max(field.min, rounded)) + 0;
    }
    case "choice":
      return field.of.includes(/** @type {string} */ (value)) ? value : initial;
    case "flag":
      return typeof value === "boolean" ? value : initial;
    case "text":
      return typeof value === "string" && value.length <= (field.most ?? LONGEST_TEXT) ? value : initial;
    case "integers": {
      if (!Array.isArray(value) || value.length > MOST_INTEGERS) return initial;
      const inside = value.filter((n) => Number.isInteger(n) && n >= field.min && n <= field.max);
      return [...new Set(inside)].sort((a, b) => a - b);
    }
    case "colors": {
      const isList = Array.isArray(value) && value.length <= MOST_COLORS;
      return isList && value.every((color) => /^[0-9a-f]{6}$/.test(color)) ? value : initial;
    }
    case "vector": {
      if (!Array.isArray(value) || value.length !== field.size) return initial;
      const rounded = value.map((number) => Number(Number(number).toFixed(VECTOR_DIGITS)) + 0);
      return rounded.every((number) => Number.isFinite(number) && Math.abs(number) < 1e9) ? rounded : initial;
    }
    case "parts":
      return Array.isArray(value) ? field.of.filter((part) => value.includes(part)) : initial;
  }
}

/** @param {Field} field @param {any} value @returns {string} */
function written(field, value) {
  if (value === null) return "";
  if (field.kind === "flag") return value ? "1" : "0";
  if (field.kind === "integers" || field.kind === "colors") return value.join(".");
  if (field.kind === "vector") return value.join("_");
  if (field.kind === "parts") return value.join() === field.usual.join() ? "1" : value.join();
  return String(value);
}

/** @param {string} search @returns {string[]} */
export function unknownParts(search) {
  const named = new URLSearchParams(search).get("embed")?.split(",") ?? [];
  // Neither nothing nor a switch names a part.
  return [...new Set(named)].filter((part) => !["", "0", "1", ...EMBED.of].includes(part));
}

/** @param {Field} field @param {unknown} value */
export function isAllowed(field, value) {
  if (value === null) return field.initial === null;
  switch (field.kind) {
    case "number":
    case "integer":
      return typeof value === "number" && value >= field.min && value <= field.max && (field.kind === "number" || Number.isInteger(value));
    case "integers":
      return Array.isArray(value) && checkedList(field, value).length === new Set(value).size;
    case "vector":
      return Array.isArray(value) && value.every((one) => typeof one === "number") && checked(field, value) !== null;
    default:
      return JSON.stringify(checked(field, value)) === JSON.stringify(value);
  }
}

/** @param {Field} field @param {unknown[]} value */
const checkedList = (field, value) => /** @type {unknown[]} */ (checked(field, value));

/** @param {Field} field */
export function allowed(field) {
  const orNone = field.initial === null ? ", or null" : "";
  switch (field.kind) {
    case "number":
      return `a number from ${field.min} to ${field.max}${orNone}`;
    case "integer":
      return `a whole number from ${field.min} to ${field.max}${orNone}`;
    case "choice":
      return `one of ${field.of.join(", ")}`;
    case "flag":
      return "true or false";
    case "text":
      return `a text of at most ${LONGEST_TEXT} characters`;
    case "integers":
      return "a list of whole numbers";
    case "colors":
      return "a list of colours of six hex digits";
    case "vector":
      return `a list of ${field.size} numbers, or null`;
    case "parts":
      return `a list of ${field.of.join(", ")}`;
  }
}
