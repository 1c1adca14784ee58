/**
 * What the flow does, in sentences made of a run's figures.
 *
 *   things(assets)                              "digits" or "images"
 *   lossWords(dynamics, things)                 what repeating f costs, from the start to the last step
 *   howWords(dynamics, things)                  how that was measured
 *   keptWords(dynamics, steps, things)          "After 5 steps 63 % of the digits are still told right."
 *   fateWords(dynamics, things)                 who comes to rest, who goes round, who flies off
 *   attractorWords(attractor, total, top, things)   one attractor in a line
 *   stepsWords(5)                               "5 steps"
 *   liveWords(flowed, stops, ending)            what has become of the current image
 */

import { keptAt } from "../dynamics.js";
import { formatCount } from "../format.js";

/** @typedef {import("../dynamics.js").Dynamics} Dynamics */

const LOSS = 0.01;

/** @param {{isDigits: boolean}} assets */
export const things = ({ isDigits }) => (isDigits ? "digits" : "images");

/** No rounding to all or nothing. @param {number} share in [0, 1] */
export function percent(share) {
  if (share > 0 && share < 0.005) return "less than 1 %";
  if (share < 1 && share > 0.995) return "more than 99 %";
  return `${Math.round(100 * share)} %`;
}

/** @param {number} steps */
export const stepsWords = (steps) => (steps === 1 ? "1 step" : `${formatCount(steps)} steps`);

/** @param {Dynamics} dynamics @param {string} what */
export function lossWords(dynamics, what) {
  const { accuracies, times, safe } = dynamics;
  if (!accuracies) return `The file has no labels: whether the ${what} are still told right, nobody can say.`;
  const [first, last] = [accuracies[0], accuracies[accuracies.length - 1]];
  const five = keptAt(dynamics, 5);
  const between = five && five.steps > 0 ? ` after ${stepsWords(five.steps)} ${percent(five.share)},` : "";
  const figures = `at the start ${percent(first)} are told right,${between} after ${formatCount(times[times.length - 1])} ${percent(last)}`;
  if (first - last <= LOSS) return `In this run it keeps the ${what}: ${figures}.`;
  const harmless = safe === null ? "" : safe < 1 ? " Even the first step costs some." : ` Up to ${stepsWords(safe)} cost hardly anything.`;
  return `In this run it loses the ${what}: ${figures}.${harmless}`;
}

/** @param {Dynamics} dynamics @param {string} what */
export function howWords({ accuracies, images, k }, what) {
  if (!accuracies) return "";
  const by = k === 1 ? "the nearest training latent" : k > 1 ? `the ${k} nearest training latents` : "the nearest training latents";
  return `Told right: named by ${by}, measured on ${formatCount(images)} test ${what}.`;
}

/** @param {Dynamics} dynamics @param {number} steps @param {string} what */
export function keptWords(dynamics, steps, what) {
  const kept = keptAt(dynamics, steps);
  if (!kept) return "";
  if (kept.steps === 0) return `At the start ${percent(kept.share)} of the ${what} are told right.`;
  return `After ${stepsWords(kept.steps)} ${percent(kept.share)} of the ${what} are still told right.`;
}

/** @param {Dynamics} dynamics @param {string} what */
export function fateWords({ attractors, members, converged, cycling, diverging, stops }, what) {
  const reached = attractors.filter(({ count }) => count).length;
  const inside = members.reduce((sum, member) => sum + Number(member >= 0), 0);
  const last = stops[stops.length - 1];
  const parts = [];
  if (diverging > 0) parts.push(`${percent(diverging)} of the ${what} fly off and never come back`);
  if (cycling > 0) parts.push(`${percent(cycling)} go round in circles`);
  const others = 1 - converged - cycling - diverging;
  if (others > 0.005) parts.push(`${percent(others)} are still on their way after ${stepsWords(last)}`);
  const rest = parts.length ? ` ${parts.join("; ")}.` : "";
  if (!reached) return `There is no attractor: nothing comes to rest within ${stepsWords(last)}.${rest}`;
  const where = reached === 1 ? "one attractor: a place where f leaves a latent as it is" : `${formatCount(reached)} attractors: places where f leaves a latent as it is`;
  const most = inside === members.length ? `All ${formatCount(inside)} ${what} end` : `${formatCount(inside)} of ${formatCount(members.length)} ${what} end`;
  return `${most} in ${where}.${rest}`;
}

/** @param {{count: number, period: number}} attractor @param {number} total @param {{name: string, share: number} | null} top */
export function attractorWords({ count, period }, total, top) {
  const share = percent(count / total);
  const mostly = top ? `, ${top.share >= 0.995 ? "all" : top.share >= 0.5 ? "mostly" : "most often"} ${top.name}` : "";
  return `${share}${mostly}${period > 1 ? `, a round of ${stepsWords(period)}` : ""}`;
}

/**
 * @param {import("../messages.js").Flowed} flowed @param {string} what "digit sample 3"
 * @param {string} ending "attractor 2", or ""
 */
export function liveWords({ rests, left }, what, ending) {
  if (left !== null) return `${what}: after ${stepsWords(left)} it has left every bound.`;
  if (rests === null) return `${what}: it has not come to rest.`;
  if (rests === 0) return `${what}: it rests where it is${ending && `, in ${ending}`}.`;
  return `${what}: at rest after ${stepsWords(rests)}${ending && `, in ${ending}`}.`;
}
