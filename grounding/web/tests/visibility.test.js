import assert from "node:assert/strict";
import { test } from "node:test";

import { EVERYTHING, isShown, isolated, knownOnly, toggled } from "../src/visibility.js";
import { classesOf } from "../src/classes.js";
import { visiblePoints } from "../src/visible.js";

const LABELS = [0, 1, 2];

test("a click dims a class, another brings it back", () => {
  const dimmed = toggled(EVERYTHING, 1, LABELS);
  assert.deepEqual(dimmed, { dim: [1], isolate: null });
  assert.deepEqual(LABELS.map((label) => isShown(dimmed, label)), [true, false, true]);
  assert.deepEqual(toggled(dimmed, 1, LABELS).dim, []);
});

test("dimming the last class that is shown brings all back", () => {
  assert.equal(toggled({ dim: [0, 2], isolate: null }, 1, LABELS), EVERYTHING);
});

test("isolating shows one class alone, isolating it again shows all", () => {
  const alone = isolated({ dim: [2], isolate: null }, 2);
  assert.deepEqual(LABELS.filter((label) => isShown(alone, label)), [2]);
  assert.equal(isolated(alone, 2), EVERYTHING);
});

test("a click beside an isolated class adds to it; a click on it brings all back", () => {
  const two = toggled({ dim: [], isolate: 2 }, 0, LABELS);
  assert.deepEqual(LABELS.filter((label) => isShown(two, label)), [0, 2]);
  assert.equal(toggled({ dim: [], isolate: 2 }, 2, LABELS), EVERYTHING);
});

test("points of any label step back and come to the front", () => {
  const labels = Int32Array.of(-3, 70_000, -3);
  /** @type {((row: number) => boolean) | null} */
  let dimmed = null;
  const cloud = /** @type {any} */ ({ setDimmed: (/** @type {typeof dimmed} */ rule) => (dimmed = rule) });
  const visible = visiblePoints(cloud, classesOf({ labels, hasLabels: true, classNames: new Map(), palette: null }));
  visible.paint(EVERYTHING, null);
  assert.equal(dimmed, null);
  assert.deepEqual([0, 1, 2].map(visible.canPick), [true, true, true]);
  visible.paint({ dim: [-3], isolate: null }, null);
  assert.deepEqual([0, 1, 2].map(visible.canPick), [false, true, false]);
  assert.deepEqual([0, 1, 2].map((row) => dimmed?.(row)), [true, false, true]);
});

test("classes that are not there are named, and the others stay as they were asked for", () => {
  assert.deepEqual(knownOnly({ dim: [1], isolate: 2 }, LABELS), { shown: { dim: [1], isolate: 2 }, problem: "" });
  const { shown, problem } = knownOnly({ dim: [1, 8], isolate: 9 }, LABELS);
  assert.deepEqual(shown, { dim: [1], isolate: null });
  assert.match(problem, /8, 9/);
});
