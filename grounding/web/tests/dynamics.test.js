import assert from "node:assert/strict";
import { test } from "node:test";

import { parseInteractiveAssets } from "../src/assets.js";
import { classesOf } from "../src/classes.js";
import { attractorOf, keptAt, nearestAttractor, parseDynamics, placesAt, stopsOf } from "../src/dynamics.js";
import { placeOf, valueAt } from "../src/stops.js";
import { basinsOf } from "../src/playground/basins.js";
import { fateWords, howWords, keptWords, liveWords, lossWords } from "../src/playground/flow_words.js";

const ASSETS = parseInteractiveAssets({
  experiment: "e",
  checkpoint_sha256: "ab",
  num_points: 3,
  latent_dim: 2,
  l2_normalized: false,
  projection_k: 1,
  reference_points: [[0, 0, 0], [1, 0, 0], [0, 1, 0]],
  reference_latents: [[0, 0], [1, 0], [0, 1]],
  reference_latents_raw: [[0, 0], [1, 0], [0, 1]],
  reference_labels: [4, 9, 9],
  digit_samples: [[0, 0, 0, 1]],
  image_shape: [1, 2, 2],
});

const floats = (/** @type {number[]} */ shape, /** @type {number[]} */ values) => ({ shape, data: Float32Array.from(values) });
const whole = (/** @type {number[]} */ values) => ({ shape: [values.length], data: Int32Array.from(values) });
const bytes = (/** @type {number[][]} */ rows) => ({ shape: [rows.length, 4], data: Uint8Array.from(rows.flat()) });

/** The first reference has no attractor, the other two share the second one of the file. @param {Record<string, unknown>} [changes] @returns {any} */
function file(changes = {}) {
  const path = [0, 1, 2].flatMap((i) => [1, 2, 5, 10, 20, 50].flatMap((t) => [i, t, 0]));
  return {
    checkpoint_sha256: "ab",
    steps: 200,
    scale: 10,
    images: 3,
    k: 5,
    times: [0, 1, 2, 200],
    knn_accuracy: [0.9, 0.8, 0.7, 0.25],
    safe_horizon: 0,
    converged: 0.5,
    cycling: 0.25,
    diverging: 0.1,
    gallery: [{ nearest_training_image: 7, nearest_training_label: 9, nearest_training_distance: 1.5 }, {}],
    reference_points: floats([3, 3], [0, 0, 0, 1, 0, 0, 0, 1, 0]),
    reference_path: floats([3, 6, 3], path),
    reference_attractor: whole([-1, 1, 1]),
    reference_steps: whole([-1, 30, 60]),
    attractor_latents: floats([2, 2], [5, 5, -5, -5]),
    attractor_points: floats([2, 3], [7, 7, 7, 8, 8, 8]),
    attractor_images: bytes([[1, 1, 1, 1], [2, 2, 2, 2]]),
    attractor_nearest_images: bytes([[3, 3, 3, 3], [4, 4, 4, 4]]),
    attractor_periods: whole([1, 3]),
    ...changes,
  };
}

test("attractors are ordered by their references, who end there or where they were last", () => {
  const found = parseDynamics(file(), ASSETS);
  assert.deepEqual(found.stops, [0, 1, 2, 5, 10, 20, 50, 200]);
  assert.deepEqual(found.attractors.map(({ count, period, picture }) => [count, period, picture[0]]), [[2, 3, 2], [0, 1, 1]]);
  assert.deepEqual([...found.members], [-1, 0, 0]);
  assert.equal(found.places.length, 8);
  assert.deepEqual([...found.places[2]], [0, 2, 0, 1, 2, 0, 2, 2, 0]);
  assert.deepEqual([...found.places[7]], [0, 50, 0, 8, 8, 8, 8, 8, 8]);
  assert.deepEqual(found.attractors[1].nearest, { image: 7, label: 9, distance: 1.5, picture: Uint8Array.from([3, 3, 3, 3]) });
  assert.equal(found.attractors[0].nearest, null);
});

test("files that do not belong to the points, or do not cover them, are refused in words", () => {
  /** @type {[Record<string, unknown>, RegExp][]} */
  const cases = [
    [{ checkpoint_sha256: "cd" }, /another checkpoint/],
    [{ reference_points: floats([3, 3], [0, 0, 0, 1, 0, 0, 0, 1.1, 0]) }, /another map/],
    [{ reference_points: floats([1, 3], [0, 0, 0]) }, /reference_points for 1 in place of 3/],
    [{ reference_path: floats([3, 6, 3], Array(54).fill(NaN)) }, /not finite/],
    [{ reference_attractor: whole([-1, 2, 1]) }, /names an attractor/],
    [{ attractor_images: undefined }, /lacks attractor_images/],
    [{ times: [] }, /numbers of steps/],
  ];
  for (const [changes, pattern] of cases) assert.throws(() => parseDynamics(file(changes), ASSETS), pattern);
  const { reference_points: _, ...earlier } = file();
  assert.throws(() => parseDynamics(earlier, ASSETS), /earlier version/);
});

test("a run without attractors, labels or nearest images has dynamics all the same", () => {
  const { attractor_nearest_images: _, ...bare } = file({
    gallery: [],
    knn_accuracy: null,
    safe_horizon: null,
    diverging: 1,
    converged: 0,
    cycling: 0,
    reference_attractor: whole([-1, -1, -1]),
    attractor_latents: floats([0, 2], []),
    attractor_points: floats([0, 3], []),
    attractor_images: bytes([]),
    attractor_periods: whole([]),
  });
  const found = parseDynamics({ ...bare, attractor_images: { shape: [0, 4], data: new Uint8Array() } }, ASSETS);
  assert.deepEqual([found.attractors, found.accuracies], [[], null]);
  assert.equal(attractorOf(found, [0, 0]), -1);
  assert.match(fateWords(found, "digits"), /There is no attractor.*100 % of the digits fly off/);
  assert.match(lossWords(found, "images"), /no labels/);
  assert.equal(keptWords(found, 5, "digits") + howWords(found, "digits"), "");
});

test("steps and places of the scrubber are each other's inverse", () => {
  const stops = stopsOf(200);
  for (const steps of [0, 0.5, 1, 3, 5, 20, 35, 50, 125, 200]) assert(Math.abs(valueAt(stops, placeOf(stops, steps)) - steps) < 1e-9);
  assert.deepEqual([placeOf(stops, 5), placeOf(stops, 125), placeOf(stops, 9999), placeOf(stops, -1)], [3, 6.5, 7, 0]);
  assert.deepEqual(stopsOf(10), [0, 1, 2, 5, 10]);
});

test("between two stops points are on the straight line", () => {
  const places = [[0, 0, 0], [2, 4, 0], [2, 4, 8]].map((place) => Float32Array.from(place));
  assert.deepEqual([0, 0.5, 1, 1.75, 2].map((place) => [...placesAt(places, place)]), [[0, 0, 0], [1, 2, 0], [2, 4, 0], [2, 4, 6], [2, 4, 8]]);
});

test("what is kept is what was measured last; sentences have the run's figures", () => {
  const found = parseDynamics(file(), ASSETS);
  assert.deepEqual([0, 1.5, 2, 150, 200].map((steps) => keptAt(found, steps)?.share), [0.9, 0.8, 0.7, 0.7, 0.25]);
  assert.equal(keptWords(found, 1.2, "digits"), "After 1 step 80 % of the digits are still told right.");
  assert.equal(keptWords(found, 0.4, "images"), "At the start 90 % of the images are told right.");
  assert.match(lossWords(found, "digits"), /^In this run it loses the digits: at the start 90 % are told right, after 2 steps 70 %, after 200 25 %\. Even the first step/);
  assert.match(lossWords({ ...found, accuracies: [0.9, 0.9, 0.9, 0.895] }, "digits"), /it keeps the digits/);
  assert.match(lossWords({ ...found, safe: 3 }, "digits"), /Up to 3 steps cost hardly anything/);
  assert.equal(howWords(found, "digits"), "Told right: named by the 5 nearest training latents, measured on 3 test digits.");
  assert.match(fateWords(found, "digits"), /^2 of 3 digits end in one attractor: .*10 % of the digits fly off.*25 % go round in circles; 15 % are still on their way after 200 steps/);
});

test("a latent is in an attractor within a fiftieth of the scale, and always nearest to one", () => {
  const found = parseDynamics(file(), ASSETS);
  assert.equal(attractorOf(found, [5, 5.19]), 1);
  assert.equal(attractorOf(found, [5, 5.21]), -1);
  assert.deepEqual(nearestAttractor(found, [-5, -4]), { index: 0, distance: 1 });
});

test("the live sentence tells of rest, of none, and of flying off", () => {
  const flowed = /** @type {any} */ ({ rests: 22, left: null });
  assert.equal(liveWords(flowed, "your drawing", "attractor 2"), "your drawing: at rest after 22 steps, in attractor 2.");
  assert.equal(liveWords({ ...flowed, rests: 0 }, "x", ""), "x: it rests where it is.");
  assert.equal(liveWords({ ...flowed, rests: null }, "x", ""), "x: it has not come to rest.");
  assert.equal(liveWords({ ...flowed, rests: null, left: 1 }, "x", ""), "x: after 1 step it has left every bound.");
});

test("a basin has its most frequent class's colour, unless a larger one has it", () => {
  const classes = classesOf(ASSETS);
  const found = parseDynamics(file({ reference_attractor: whole([0, 1, 1]) }), ASSETS);
  const basins = basinsOf(found, ASSETS, classes);
  assert.deepEqual(basins.classes(0), [{ label: 9, name: "9", count: 2 }]);
  assert.deepEqual(basins.top(1), { name: "4", share: 1 });
  assert.deepEqual(basins.members(0), [1, 2]);
  assert.deepEqual(basins.color(0, "light"), classes.color(9, "light"));
  assert.deepEqual([...basins.colors("dark")], [4, 9, 9].flatMap((label) => classes.color(label, "dark")));
  const same = basinsOf(parseDynamics(file({ reference_attractor: whole([-1, 0, 1]) }), ASSETS), ASSETS, classes);
  assert.deepEqual(same.color(0, "light"), classes.color(9, "light"));
  assert.notDeepEqual(same.color(1, "light"), classes.color(9, "light"));
  assert.notDeepEqual([...same.colors("light").subarray(0, 3)], classes.color(4, "light"));
});
