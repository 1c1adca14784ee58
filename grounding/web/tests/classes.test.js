import assert from "node:assert/strict";
import { test } from "node:test";

import { parseLatentPoints } from "../src/assets.js";
import { classesOf } from "../src/classes.js";
import { DISTINCT, NEUTRAL, classColor, fromHex } from "../src/colors.js";

/** @param {number[] | undefined} labels @param {Record<string, unknown>} [more] */
const file = (labels, more = {}, count = labels?.length ?? 2) =>
  parseLatentPoints({ points: Array.from({ length: count }, () => [0, 0, 0]), ...(labels && { labels }), ...more });

test("ten digits have one colour each, in every file the same", () => {
  const classes = classesOf(file([4, 1, 4]));
  assert.deepEqual(classes.list, [{ label: 1, name: "1", count: 1, rank: 0 }, { label: 4, name: "4", count: 2, rank: 1 }]);
  assert.deepEqual(classes.color(4, "light"), classColor(4, "light"));
  assert.deepEqual([...classes.colors("light").slice(3, 6)], classColor(1, "light"));
  assert.deepEqual(classes.glyphs, ["1", "4"]);
  assert.equal(classes.titleOf(4), "Class 4");
});

test("labels below 0, with gaps, and more than ten do not fall together", () => {
  const labels = [-7, 2, 12, 123_456, -7];
  const classes = classesOf(file(labels));
  assert.deepEqual(classes.list.map(({ label, count }) => [label, count]), [[-7, 2], [2, 1], [12, 1], [123_456, 1]]);
  assert.equal(new Set(labels.map((label) => classes.color(label, "dark").join())).size, 4);
  assert.deepEqual([...classes.ranks], [0, 1, 2, 3, 0]);
  assert.deepEqual(classes.glyphs, ["-7", "2", "12", "123456"]);
  const letters = classesOf(file(Array.from({ length: 26 }, (_, i) => i + 1)));
  assert.equal(new Set(letters.list.map(({ label }) => letters.color(label, "light").join())).size, 26);
  assert(letters.distinct >= 26);
});

test("300 classes share the colours, in turn, and say how many there are", () => {
  const classes = classesOf(file(Array.from({ length: 300 }, (_, i) => i)));
  assert.equal(classes.distinct, DISTINCT);
  assert.deepEqual(classes.color(DISTINCT + 5, "light"), classes.color(5, "light"));
  assert.equal(new Set(classes.glyphs).size, 300);
});

test("names: in place of labels, and short ones on the stage", () => {
  const names = classesOf(file([0, 1], { class_names: { 0: "dog", 1: "cat" } }));
  assert.deepEqual([names.nameOf(1), names.titleOf(0), names.nameOf(7)], ["cat", "dog", "7"]);
  assert.deepEqual(names.glyphs, ["0", "1"]);
  // A class that only has a name keeps its place, so that other files have the same colours.
  const letters = classesOf(file([11, 13], { class_names: { 11: "K", 12: "L", 13: "M" } }));
  assert.deepEqual(letters.list.map(({ name, rank }) => [name, rank]), [["K", 0], ["M", 2]]);
  assert.deepEqual(letters.glyphs, ["K", "L", "M"]);
});

test("without labels: no classes, one colour, nothing to draw in place of dots", () => {
  for (const bare of [file(undefined), file([0, 0], { has_labels: false })]) {
    const classes = classesOf(bare);
    assert.deepEqual([classes.list, classes.glyphs], [[], []]);
    assert.deepEqual([...classes.colors("light")], [...fromHex(NEUTRAL.light), ...fromHex(NEUTRAL.light)]);
  }
});

test("a palette of one's own: in the file, or over it", () => {
  const classes = classesOf(file([3, 5, 40], { palette: ["#FF0000", "#00ff00"] }));
  assert.deepEqual([3, 5, 40].map((label) => classes.color(label, "dark")), [[255, 0, 0], [0, 255, 0], [255, 0, 0]]);
  assert.equal(classes.distinct, 2);
  assert(classes.usePalette(["0000ff"]));
  assert.deepEqual([...classes.colors("light")], [0, 0, 255, 0, 0, 255, 0, 0, 255]);
  assert(!classes.usePalette(["0000ff"]));
  assert(classes.usePalette([]));
  assert.deepEqual(classes.color(3, "light"), [255, 0, 0]);
});
