/**
 * A story: steps of one sentence and one control each, as a JSON value says them.
 *
 *   readStory(value, reader)   -> {title, steps: [{text, at, set, show}], problems}
 *       at: one of PLACES' names, or ""; set, show: changes of the address's state, or show: null
 *       problems: a sentence for each key or value that is wrong, with its name; the rest is there
 *   reader: {canDraw, rowOf(key, name)}   rowOf: the sample or reference that stands for the class of
 *       this name, null if no class is called so; where nothing can be drawn, steps that draw are left out
 *   PLACES                     the controls and parts of the page that a step may point to
 *
 * docs/stories.md describes the format for those who write one.
 */

import { SLIDER_RANGES } from "../augment.js";
import { isObject } from "../safetensors.js";
import { FILES, LOOKS, PLAYGROUND, allowed, isAllowed } from "../state.js";

/** @typedef {import("../state.js").PlaygroundState} PlaygroundState */
/** @typedef {{text: string, at: string, set: Partial<PlaygroundState>, show: Partial<PlaygroundState> | null}} Step */
/** @typedef {{title: string, steps: Step[], problems: string[]}} Story */
/** @typedef {{canDraw: boolean, rowOf: (key: string, name: string) => number | null}} Reader */

export const MOST_STEPS = 40;
const LONGEST_TEXT = 400;
const LONGEST_TITLE = 80;
const MOST_PROBLEMS = 8;

/** Each as selectors of the page; the first that is there and can be seen is meant. @type {Readonly<Record<string, string>>} */
export const PLACES = Object.freeze({
  input: ".side section[aria-labelledby=input-title]",
  samples: ".samples",
  draw: ".pad, [aria-label='Kind of input']",
  ...Object.fromEntries(Object.keys(SLIDER_RANGES).map((name) => [name, `.slider:has(input[name=${name}])`])),
  pictures: ".previews",
  cloud: ".stage > canvas",
  readouts: ".readouts",
  meter: ".readout:has(.gauge), .readouts",
  neighbors: ".neighbors",
  modes: ".modes",
  ends: "[aria-label='Ends of the path']",
  path: ".film-t, .film",
  strips: ".film",
  reground: "section[aria-labelledby=settle-title]",
  flow: ".flow-go, .flow-dock",
  attractors: ".attractors, .results section:not([hidden])",
  slice: ".slice, .modes",
  view: ".view",
});

/** What belongs to the reader, or to the address of the run. */
const NOT_SET = [...FILES, ...LOOKS, "story", "step", "embed"];
/** These may be the name of a class, too. */
const ROWS = ["digit", "reference", "from", "to", "third"];
const STEP_KEYS = ["text", "at", "set", "show"];
const STORY_KEYS = ["title", "steps"];

const settable = () => Object.keys(PLAYGROUND).filter((name) => !NOT_SET.includes(name));

/** @param {unknown} value @param {Reader} reader @returns {Story} */
export function readStory(value, reader) {
  /** @type {string[]} */
  const problems = [];
  const tell = (/** @type {string} */ text) => void (problems.length < MOST_PROBLEMS && problems.push(text));
  if (!isObject(value) || !Array.isArray(value.steps)) {
    return { title: "", steps: [], problems: ["A story is an object with “steps”, a list."] };
  }
  for (const key of Object.keys(value)) if (!STORY_KEYS.includes(key)) tell(`The story has a key “${short(key)}”, which does not exist; there are: ${STORY_KEYS.join(", ")}.`);
  const title = textOf(value.title ?? "", LONGEST_TITLE, "The story’s “title”", tell);
  if (value.steps.length > MOST_STEPS) tell(`“steps” has ${value.steps.length} steps; the first ${MOST_STEPS} are shown.`);
  /** @type {Step[]} */
  const steps = [];
  value.steps.slice(0, MOST_STEPS).forEach((one, i) => {
    const step = readStep(one, `Step ${i + 1}`, reader, tell);
    if (step) steps.push(step);
  });
  if (!steps.length) tell("No step of the story can be shown.");
  return { title, steps, problems };
}

/** @param {unknown} value @param {string} where @param {Reader} reader @param {(text: string) => void} tell @returns {Step | null} */
function readStep(value, where, reader, tell) {
  if (!isObject(value)) {
    tell(`${where} is no object with “text”.`);
    return null;
  }
  for (const key of Object.keys(value)) {
    if (!STEP_KEYS.includes(key)) tell(`${where} has a key “${short(key)}”, which does not exist; there are: ${STEP_KEYS.join(", ")}.`);
  }
  const text = textOf(value.text, LONGEST_TEXT, `“text” of ${where.toLowerCase()}`, tell);
  if (!text) return null;
  let at = "";
  if (value.at !== undefined) {
    if (typeof value.at === "string" && Object.hasOwn(PLACES, value.at)) at = value.at;
    else tell(`“at” of ${where.toLowerCase()} is ${said(value.at)}; there are: ${Object.keys(PLACES).join(", ")}.`);
  }
  const set = changesOf(value.set ?? {}, `“set” of ${where.toLowerCase()}`, reader, tell);
  const show = value.show === undefined ? null : changesOf(value.show, `“show” of ${where.toLowerCase()}`, reader, tell);
  return { text, at, set, show };
}

/** @param {unknown} value @param {string} where @param {Reader} reader @param {(text: string) => void} tell */
function changesOf(value, where, { canDraw, rowOf }, tell) {
  /** @type {Record<string, unknown>} */
  const changes = {};
  if (!isObject(value)) {
    tell(`${where} is no object of names and values.`);
    return changes;
  }
  for (const [key, given] of Object.entries(value)) {
    if (!settable().includes(key)) {
      tell(`${where} names “${short(key)}”, which a step cannot set; it can set: ${settable().join(", ")}.`);
      continue;
    }
    let next = given;
    if (ROWS.includes(key) && typeof given === "string") {
      next = rowOf(key, given);
      if (next === null) {
        tell(`${where} gives “${key}” the class ${said(given)}, which this run does not have.`);
        continue;
      }
    }
    if (key === "source" && next === "drawing" && !canDraw) continue;
    if (isAllowed(PLAYGROUND[key], next)) changes[key] = next;
    else tell(`${where} gives “${key}” the value ${said(given)}; it takes ${allowed(PLAYGROUND[key])}.`);
  }
  return changes;
}

/** @param {unknown} value @param {number} most @param {string} where @param {(text: string) => void} tell */
function textOf(value, most, where, tell) {
  if (typeof value !== "string") {
    tell(`${where} is ${said(value)}, not a text.`);
    return "";
  }
  if (value.length > most) tell(`${where} has ${value.length} characters; the first ${most} are shown.`);
  return value.slice(0, most).trim();
}

/** @param {string} text */
const short = (text) => (text.length > 40 ? `${text.slice(0, 40)}…` : text);
/** @param {unknown} value */
const said = (value) => (value === undefined ? "missing" : short(JSON.stringify(value) ?? String(value)));
