import assert from "node:assert/strict";
import { test } from "node:test";

import { parseLatentPoints } from "../src/assets.js";
import { between } from "../src/flight.js";
import { countClasses, countText, facts, findPoint, numbersOf, pointName, searchText } from "../src/viewer/describe.js";
import { nearOf } from "../src/viewer/near.js";

/** @param {Record<string, unknown>} [more] */
const points = (more = {}) => parseLatentPoints({ points: [[0, 0, 0], [1, 1, 1], [2, 2, 2]], labels: [4, 1, 4], ...more });
const SPLIT = { split: "test", image_shape: [3, 20, 48], indices: [7, 1234, 9999], config: { data: { test_samples: 10_000 } } };

test("how many points, of how many, is always told", () => {
  assert.equal(countText(points()), "3 points");
  assert.equal(countText(points(SPLIT)), "3 of 10,000 points, test split");
  assert.equal(countText(points({ split: "test", config: { data: { test_samples: 3 } } })), "3 points, test split");
  assert.equal(countText(parseLatentPoints({ points: [[0, 0, 0]], labels: [0] })), "1 point");
});

test("a point is named by its place in the split, or by its row", () => {
  assert.equal(pointName(points(SPLIT), 1), "Test image 1,234");
  assert.equal(pointName(points({ indices: [7, 8, 9], image_shape: [1, 2, 2] }), 1), "Image 8");
  assert.equal(pointName(points(), 1), "Row 1");
});

test("embeddings from anywhere are rows of no split, images or not", () => {
  const all = { split: "all", indices: [7, 1234, 9999], split_size: 12_000 };
  assert.equal(pointName(points(all), 1), "Row 1,234");
  assert.equal(pointName(points({ ...all, image_shape: [1, 2, 2] }), 1), "Image 1,234");
  assert.equal(countText(points(all)), "3 of 12,000 points");
  assert.deepEqual(searchText(points(all)), { label: "Find by row", hint: "0 to 11,999" });
  assert.deepEqual(findPoint(points(all), "8"), { message: "Row 8 is not among these 3 points." });
});

test("search: by index, by row, and what is not there", () => {
  const file = points(SPLIT);
  assert.deepEqual(findPoint(file, " 1,234 "), { row: 1 });
  assert.deepEqual(findPoint(file, "8"), { message: "Image 8 of the test split is not among these 3 points." });
  assert.deepEqual(findPoint(points(), "2"), { row: 2 });
  assert.deepEqual(findPoint(points(), "3"), { message: "There is no row 3: the last is 2." });
  for (const text of ["", "x", "-1", "1e3"]) assert("message" in findPoint(file, text), text);
  assert.deepEqual(searchText(file), { label: "Find by position in the test split", hint: "0 to 9,999" });
  assert.deepEqual(searchText(points()), { label: "Find by row", hint: "0 to 2" });
});

test("facts leave out what the file does not say", () => {
  assert.deepEqual(facts(points()), [["Points", "3"]]);
  const all = new Map(facts(points({ ...SPLIT, latent_dim: 32, l2_normalized: true, umap_n_neighbors: 30, umap_min_dist: 0.1 })));
  assert.equal(all.get("Points"), "3 of 10,000");
  assert.equal(all.get("Images"), "20 × 48 pixels, 3 channels");
  assert.equal(all.get("Latent"), "32 numbers, scaled to unit length");
  assert.deepEqual([all.get("n_neighbors"), all.get("min_dist")], ["30", "0.1"]);
});

test("counts by class of a selection, most first", () => {
  assert.deepEqual(countClasses([4, -1, 4, 7], Int32Array.of(1, 0, 2, 3)), [{ label: 4, count: 2 }, { label: -1, count: 1 }, { label: 7, count: 1 }]);
});

test("neighbours in the latent space beside those in the picture", () => {
  const drawn = { indices: Int32Array.of(1, 2), distances: Float64Array.of(0.5, 0.7) };
  const file = points({ projection: "umap_3d", neighbors: [[2], [0], [1]] });
  const near = nearOf(file, 0, drawn);
  assert.deepEqual([[...(near.latent ?? [])], [...near.picture.indices], near.shared], [[2], [1], 0]);
  assert.equal(nearOf(points({ neighbors: [[1, 2], [0, 2], [1, 0]] }), 0, drawn).shared, 2);
  // An older file knows those in the picture only; where latents are drawn, both are the same.
  assert.deepEqual(nearOf(points(), 0, drawn), { latent: null, picture: drawn, isOne: false, shared: 0 });
  assert(nearOf(points({ projection: "latent", neighbors: [[1], [0], [1]] }), 0, drawn).isOne);
});

test("a point's further numbers", () => {
  assert.deepEqual(numbersOf(points({ own_loss: [0.5, 1, 2] }), 0), [["own_loss", "0.5000"]]);
});

test("a flight begins and ends where it should, and zooms evenly", () => {
  const a = { turn: 0, tilt: 0, distance: 1, target: /** @type {const} */ ([0, 0, 0]) };
  const b = { turn: 1, tilt: 0.5, distance: 4, target: /** @type {const} */ ([2, 4, 6]) };
  assert.deepEqual(between(a, b, 0), a);
  assert.deepEqual(between(a, b, 1), b);
  assert.deepEqual(between(a, b, 0.5), { turn: 0.5, tilt: 0.25, distance: 2, target: [1, 2, 3] });
});
