/**
 * A scrubber whose stops are not equally far apart: numbers of steps, or epochs.
 *
 *   valueAt(stops, place)    at a place of the scrubber, 0 to stops.length - 1; stops ascending, at least two
 *   placeOf(stops, value)    its inverse, at an end for what lies beyond
 */

/** @param {readonly number[]} stops @param {number} place */
export function valueAt(stops, place) {
  const at = Math.min(stops.length - 2, Math.max(0, Math.floor(place)));
  return stops[at] + (place - at) * (stops[at + 1] - stops[at]);
}

/** @param {readonly number[]} stops @param {number} value */
export function placeOf(stops, value) {
  const last = stops.length - 1;
  if (value >= stops[last]) return last;
  const next = Math.max(1, stops.findIndex((stop) => stop > value));
  return Math.max(0, next - 1 + (value - stops[next - 1]) / (stops[next] - stops[next - 1]));
}
