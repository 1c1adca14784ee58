import assert from "node:assert/strict";
import { test } from "node:test";

import { densestRows } from "../src/clusters.js";
import { inkOn } from "../src/colors.js";
import { freePlaces } from "../src/scene/names.js";
import { pictureAtlas, reduced } from "../src/scene/pictures.js";

test("a class is named where most of it is, not in the mean of its parts", () => {
  // Class 0: five points around (0, 0, 0) and three around (9, 9, 9). Class 2: one point. Class 1: none.
  const places = [[0.1, 0, 0], [-0.1, 0, 0], [0, 0.1, 0], [0, 0, 0], [0, -0.1, 0], [9, 9, 9], [9.1, 9, 9], [9, 9.1, 9], [5, 5, 5]];
  assert.deepEqual([...densestRows(places.flat(), [0, 0, 0, 0, 0, 0, 0, 0, 2], 3)], [3, -1, 8]);
  assert.deepEqual([...densestRows([1, 1, 1, 1, 1, 1], [0, 0], 1)], [0], "all in one place");
  assert.deepEqual([...densestRows([], [], 2)], [-1, -1]);
});

test("names keep clear of each other and of the edge, the first where it belongs", () => {
  const box = (/** @type {number} */ x, /** @type {number} */ y) => ({ x, y, width: 30, height: 20 });
  const found = freePlaces([box(50, 50), box(52, 51), box(5, 150), box(500, 50), ...Array.from({ length: 9 }, () => box(50, 50))], { width: 100, height: 200 });
  assert.deepEqual(found[0], [35, 40]);
  assert.deepEqual(found[1], [37, 63], "below the first: above it, it would touch");
  assert.equal(found[2]?.[0], 22, "beside its place, where the edge would cut it");
  assert.equal(found[3], null, "off the stage");
  assert.equal(found.at(-1), null, "no place is left");
  const kept = found.flatMap((place) => (place ? [place] : []));
  for (const [i, [x, y]] of kept.entries()) for (const [l, t] of kept.slice(0, i)) assert(Math.abs(x - l) >= 30 || Math.abs(y - t) >= 20);
});

test("letters are black on light colours, white on dark ones", () => {
  assert.deepEqual([inkOn([255, 220, 0]), inkOn([6, 56, 92])], [[0, 0, 0], [255, 255, 255]]);
});

test("an atlas holds each picture in its cell, smaller where all would not fit", () => {
  const { texture, columns, rows, shape } = pictureAtlas({ data: Uint8Array.from({ length: 12 }, (_, i) => i), shape: [1, 2, 2], loaded: 3 }, 3);
  assert.deepEqual([columns, rows, shape], [2, 2, [1, 2, 2]]);
  assert.deepEqual([...(texture.image.data ?? [])].slice(0, 12), [0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 0, 0]);
  // Planes of colour become pixels: two pixels, red 1 and 2, green 3 and 4, blue 5 and 6.
  const colour = pictureAtlas({ data: Uint8Array.from([1, 2, 3, 4, 5, 6]), shape: [3, 1, 2], loaded: 1 }, 1);
  assert.deepEqual([...(colour.texture.image.data ?? [])], [1, 3, 5, 255, 2, 4, 6, 255]);
  assert.equal(reduced([1, 28, 28], 5_000), 1);
  assert.equal(reduced([1, 28, 28], 70_000), 2);
  assert(Math.ceil(Math.sqrt(70_000)) * 14 <= 4_096);
});
