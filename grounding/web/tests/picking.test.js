import assert from "node:assert/strict";
import { test } from "node:test";

import { fit, project, viewProjection } from "../src/camera.js";
import { insideBox, insideLasso, nearestOnScreen, projectPoints } from "../src/picking.js";
import { normalField, uniformField } from "../src/rng.js";

/** Screen x = 50 (x + 1), y = 50 (1 - y), depth 1: no perspective. */
const FLAT = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
/** Depth is z: points at equal x / z fall together. */
const DEEP = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];

test("nearest on the screen within the radius", () => {
  const screen = projectPoints([0, 0, 0, 0.1, 0, 0, 0.9, 0.9, 0], FLAT, 100, 100);
  assert.deepEqual([screen.x[1], screen.y[2]].map(Math.round), [55, 5]);
  assert.equal(nearestOnScreen(screen, 52, 50, 12), 0);
  assert.equal(nearestOnScreen(screen, 53, 50, 12), 1);
  assert.equal(nearestOnScreen(screen, 53, 50, 12, { only: (i) => i !== 1 }), 0);
  assert.equal(nearestOnScreen(screen, 75, 50, 12), -1);
});

test("screen distance decides, depth only between equals; behind the camera nothing is found", () => {
  const screen = projectPoints([0, 0, 5, 0, 0, 2, 0.02, 0, 1, 0, 0, -1], DEEP, 100, 100);
  assert.equal(nearestOnScreen(screen, 50, 50, 12), 1);
  assert.equal(nearestOnScreen(screen, 51, 50, 12), 2);
  assert.deepEqual([...insideBox(screen, 0, 0, 100, 100)], [0, 1, 2]);
});

test("box in any direction, edges count", () => {
  const screen = projectPoints([0, 0, 0, 0.5, 0.5, 0, -0.5, 0, 0], FLAT, 100, 100);
  assert.deepEqual([...insideBox(screen, 75, 50, 50, 25)], [0, 1]);
});

test("lasso by the even-odd rule", () => {
  const screen = projectPoints([0, 0, 0, 0.5, 0, 0, 0.25, 0.2, 0, 0.25, -0.2, 0], FLAT, 100, 100);
  // A bow tie between x = 40 and x = 85: its waist is at (62.5, 50).
  assert.deepEqual([...insideLasso(screen, [40, 30, 85, 70, 85, 30, 40, 70])], [0, 1]);
  assert.deepEqual([...insideLasso(screen, [40, 30, 85, 70])], []);
});

test("the same as looking at every point", () => {
  const positions = normalField(4, 1, 3 * 3000);
  const [width, height] = [640, 480];
  const matrix = viewProjection(fit(positions, width / height), width / height);
  const screen = projectPoints(positions, matrix, width, height);
  const cursors = uniformField(5, 1, 200);
  for (let i = 0; i < cursors.length; i += 2) {
    const [x, y] = [cursors[i] * width, cursors[i + 1] * height];
    let [best, bestDistance] = [-1, 15];
    for (let j = 0; j < 3000; j++) {
      const place = project(matrix, positions[3 * j], positions[3 * j + 1], positions[3 * j + 2], width, height);
      const distance = Math.hypot(place.x - x, place.y - y);
      if (place.depth > 0 && distance < bestDistance) [best, bestDistance] = [j, distance];
    }
    const found = nearestOnScreen(screen, x, y, 15);
    const foundDistance = found < 0 ? 15 : Math.hypot(screen.x[found] - x, screen.y[found] - y);
    assert(found === best || Math.abs(foundDistance - bestDistance) < 1e-3);
  }
});
