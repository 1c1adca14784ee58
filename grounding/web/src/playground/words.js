/**
 * Readouts in words.
 *
 *   offManifoldWords({quantile, ratio} | null)  -> {verdict, detail}
 *   distanceWords(distance)                     -> "0.312", "< 0.0001"
 *   votesWords(votes)                           -> "9 of 12 are 3, 2 are 8, 1 is 5"
 *   driftWords(drift)                           -> one sentence
 *   trailWords({settled, drifts}, distance)     -> one sentence or two
 *   probeSentence(placed, what)                 -> everything at once, for screen readers
 */

import { formatNumber, formatPercent } from "../format.js";

/** @typedef {import("../messages.js").Placed} Placed */

/** Shorter distances are rounding of 32-bit numbers. */
const SHORTEST = 5e-5;

/** @param {number} distance */
export function distanceWords(distance) {
  return distance < SHORTEST ? "< 0.0001" : formatNumber(distance);
}

/** Shares of the references that lie as near to their nearest: up to here "on", then "at the edge". */
const ON = 0.9;
const EDGE = 0.99;

/** @param {Placed["offManifold"]} measured @returns {{verdict: string, detail: string, share: number | null}} */
export function offManifoldWords(measured) {
  if (!measured) return { verdict: "Measuring …", detail: "The references' own distances are being measured.", share: null };
  const { quantile, ratio } = measured;
  const verdict = quantile < ON ? "On the known manifold" : quantile < EDGE ? "At its edge" : "Off the known manifold";
  const than =
    quantile <= 0
      ? "Nearer to its nearest neighbour than any reference is to its own"
      : quantile >= 1
        ? "Farther from its nearest neighbour than any reference is from its own"
        : `Farther from its nearest neighbour than ${share(quantile)} of the references are from theirs`;
  const times = ratio < 0.01 ? "under 0.01" : formatNumber(ratio, 2);
  return { verdict, detail: `${than} (${times} × the median).`, share: quantile };
}

/** No rounding to all or nothing: that is said in other words. @param {number} quantile */
function share(quantile) {
  if (quantile > 0.99) return `${(Math.floor(quantile * 1000) / 10).toFixed(1)} %`;
  return quantile < 0.01 ? "fewer than 1 %" : formatPercent(quantile);
}

/** @param {Placed["votes"]} votes */
export function votesWords(votes) {
  const all = votes.reduce((sum, { count }) => sum + count, 0);
  return votes
    .map(({ label, count }, i) => `${count}${i ? "" : ` of ${all}`} ${count === 1 ? "is" : "are"} ${label}`)
    .join(", ");
}

/** @param {number} drift */
export function driftWords(drift) {
  return `Drift |E(D(z)) − z| ${formatNumber(drift)}`;
}

/** @param {{settled: boolean, drifts: readonly number[]}} trail @param {number} distance from where it started */
export function trailWords({ settled, drifts }, distance) {
  const steps = drifts.length === 1 ? "1 step" : `${drifts.length} steps`;
  const away = `${formatNumber(distance)} from where it started`;
  if (settled) return `Settled after ${steps}, ${away}.`;
  const last = formatNumber(drifts[drifts.length - 1] ?? 0);
  return `Not settled after ${steps}: the last one was still ${last} long. It is now ${away}.`;
}

/** @param {Placed} placed @param {string} what "The probe", "The regrounded latent" */
export function probeSentence(placed, what) {
  const { verdict } = offManifoldWords(placed.offManifold);
  const known = placed.offManifold ? `${verdict}. ` : "";
  return `${what}: nearest reference at ${distanceWords(placed.distances[0])}; of the neighbours, ${votesWords(placed.votes)}. ${known}`.trim();
}
