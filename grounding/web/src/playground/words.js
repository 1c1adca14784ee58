/**
 * Readouts in words.
 *
 *   distanceWords(distance, scale)              -> "1.31 ×": in units of the scale
 *   unitWords(scale)                            -> what 1 × is
 *   noveltyWords(novelty, isDigits)             -> how good the meter is
 *   offManifoldWords({quantile, ratio} | null, scale)  -> {verdict, detail, isOff}
 *   votesWords(votes, nameOf)                   -> "9 of 12 are 3, 2 are 8, 1 is 5"
 *   driftWords(drift, scale)                    -> one sentence
 *   trailWords({settled, drifts, limit, distance}, scale)  -> one sentence or two
 *   probeSentence(placed, what, scale, nameOf)  -> everything at once, for screen readers
 *
 * Distances and drift have one unit: the median distance of a reference to its nearest other.
 * nameOf(label) -> the class's name, or null without labels.
 */

import { formatNumber, formatPercent } from "../format.js";
import { things } from "./flow_words.js";

/** @typedef {import("../messages.js").Placed} Placed */
/**
 * @typedef {{own: Float64Array, unit: number | null} | null} Scale how far references lie from their
 *   nearest others, ascending; unit: null where all are alike or there is only one; null until measured
 * @typedef {((label: number) => string) | null} NameOf
 */

/** @param {number} distance @param {Scale} scale */
export function distanceWords(distance, scale) {
  if (!scale) return "…";
  if (scale.unit === null) return formatNumber(distance);
  const times = distance / scale.unit;
  if (times < 0.005) return "< 0.01 ×";
  return `${times < 10 ? times.toFixed(2) : formatNumber(times)} ×`;
}

/** @param {Scale} scale */
export function unitWords(scale) {
  if (!scale) return "";
  if (scale.unit === null) return "No two references differ: distances are those of the latent space.";
  return `1 × is ${formatNumber(scale.unit)}, the median distance of a reference to its nearest other.`;
}

/** Shares of the references that lie as near to their nearest: up to here "on", then "at the edge". */
const ON = 0.9;
const EDGE = 0.99;

/**
 * @param {Placed["offManifold"]} measured @param {Scale} scale
 * @returns {{verdict: string, detail: string, isOff: boolean}}
 */
export function offManifoldWords(measured, scale) {
  if (!measured) return { verdict: scale ? "Nothing to compare with" : "Measuring …", detail: "", isOff: false };
  const { quantile } = measured;
  const verdict = quantile < ON ? "On the known manifold" : quantile < EDGE ? "At its edge" : "Off the known manifold";
  const detail =
    quantile <= 0 ? "Nearer than any reference to its nearest" : quantile >= 1 ? "Farther than any reference from its nearest" : `Farther than ${share(quantile)} of the references`;
  return { verdict, detail, isOff: quantile >= EDGE };
}

/** How good the meter is, and what it cannot tell. @param {[string, number][]} novelty @param {boolean} isDigits */
export function noveltyWords(novelty, isDigits) {
  if (!novelty.length) return "";
  const told = novelty.map(([kind, share]) => `${kind} ${share.toFixed(2)}`).join(", ");
  const what = things({ isDigits });
  return `How far this can be trusted: odd images against new ${what}, by AUROC (1 always told, 0.5 by chance): ${told}.`;
}

/** No rounding to all or nothing: that is said in other words. @param {number} quantile */
function share(quantile) {
  if (quantile > 0.99) return `${(Math.floor(quantile * 1000) / 10).toFixed(1)} %`;
  return quantile < 0.01 ? "fewer than 1 %" : formatPercent(quantile);
}

/** @param {Placed["votes"]} votes @param {(label: number) => string} nameOf */
export function votesWords(votes, nameOf) {
  const all = votes.reduce((sum, { count }) => sum + count, 0);
  if (!all) return "There is no other reference.";
  return votes
    .map(({ label, count }, i) => `${count}${i ? "" : ` of ${all}`} ${count === 1 ? "is" : "are"} ${nameOf(label)}`)
    .join(", ");
}

/** @param {number} drift @param {Scale} scale */
export function driftWords(drift, scale) {
  return `Drift |E(D(z)) − z| ${distanceWords(drift, scale)}`;
}

/** @param {Pick<import("../messages.js").Trail, "settled" | "drifts" | "limit" | "distance">} trail @param {Scale} scale */
export function trailWords({ settled, drifts, limit, distance }, scale) {
  const steps = drifts.length === 1 ? "1 step" : `${drifts.length} steps`;
  const last = distanceWords(drifts[drifts.length - 1] ?? 0, scale);
  const away = `${distanceWords(distance, scale)} from where it started`;
  if (settled) return `At rest after ${steps}: the last one was ${last} long. It is now ${away}.`;
  return `Still moving after ${limit === drifts.length ? "all " : ""}${steps}: the last one was ${last} long. It is now ${away}.`;
}

/** @param {Placed} placed @param {string} what "The probe", "The regrounded latent" @param {Scale} scale @param {NameOf} nameOf */
export function probeSentence(placed, what, scale, nameOf) {
  const { verdict } = offManifoldWords(placed.offManifold, scale);
  if (!placed.indices.length) return `${what}: there is no other reference.`;
  const votes = nameOf ? `; of the neighbours, ${votesWords(placed.votes, nameOf)}` : "";
  return `${what}: nearest reference at ${distanceWords(placed.distances[0], scale)}${votes}. ${verdict}.`;
}
