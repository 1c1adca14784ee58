import assert from "node:assert/strict";
import { test } from "node:test";

import { fit, project, viewProjection } from "../src/camera.js";
import { latentAtPlace, nearness, placeUnder } from "../src/inverse.js";
import { projectPoints } from "../src/picking.js";
import { alongAxes, coordinatesOf, principalAxes } from "../src/principal.js";
import { uniformField } from "../src/rng.js";

const near = (/** @type {ArrayLike<number>} */ a, /** @type {ArrayLike<number>} */ b, by = 1e-5) => {
  assert.equal(a.length, b.length);
  for (let i = 0; i < a.length; i++) assert(Math.abs(a[i] - b[i]) < by, `${Array.from(a)} and ${Array.from(b)}`);
};
const points = Float32Array.of(0, 0, 0, 2, 0, 0, 0, 2, 1, 0, 0, -3);

test("a pixel's place lies under it, at the depth of the nearest point", () => {
  const [width, height] = [700, 500];
  const matrix = viewProjection({ ...fit(points, width / height), turn: 0.9, tilt: -0.3 }, width / height);
  const screen = projectPoints(points, matrix, width, height);
  for (const [index, dx, dy] of [[1, 0, 0], [1, 25, -11], [2, -30, 40]]) {
    const [x, y] = [screen.x[index] + dx, screen.y[index] + dy];
    const found = placeUnder({ matrix, width, height }, screen, points, x, y);
    assert(found);
    const back = project(matrix, ...found.place, width, height);
    near([back.x, back.y, back.depth], [x, y, screen.depth[found.index]], 1e-3);
    assert.equal(found.index, index);
    assert(Math.abs(found.pixels - Math.hypot(dx, dy)) < 1e-3);
  }
  assert.equal(placeUnder({ matrix, width, height }, screen, points, screen.x[1], screen.y[1], { only: () => false }), null);
  assert.deepEqual([0, 10, 40, 70, 100].map(nearness), [1, 1, 0.5, 0, 0]);
});

test("a place's latent: on a point its own, between two of them their mean", () => {
  const rawLatents = Float32Array.of(0, 0, 4, 8, 10, 10, -10, 10);
  const assets = { points, rawLatents, latentDim: 2, projectionK: 2 };
  near(latentAtPlace(assets, [2, 0, 0]), [4, 8], 1e-4);
  near(latentAtPlace(assets, [1, 0, 0]), [2, 4]);
  // Three times as near to the first.
  near(latentAtPlace(assets, [0.5, 0, 0]), [1, 2], 1e-4);
});

/** Uniform along chosen orthogonal directions. @param {number} dim @param {number[]} widths */
function cloud(dim, widths, count = 3000) {
  const shares = uniformField(5, 9, count * widths.length);
  const rows = new Float32Array(count * dim);
  // Pairs of coordinates, each turned by the same angle: cos 0.8, sin 0.6.
  for (let row = 0; row < count; row++) {
    widths.forEach((width, k) => {
      const value = width * Math.sqrt(12) * (shares[row * widths.length + k] - 0.5);
      const pair = 2 * Math.floor(k / 2);
      rows[row * dim + pair] += k % 2 ? -0.6 * value : 0.8 * value;
      rows[row * dim + pair + 1] += k % 2 ? 0.8 * value : 0.6 * value;
    });
    for (let i = 0; i < dim; i++) rows[row * dim + i] += i;
  }
  return rows;
}

for (const dim of [6, 200]) {
  test(`principal axes of a known cloud in ${dim} dimensions`, () => {
    const rows = cloud(dim, [1, 9, 3, 0.5]);
    const { mean, axes, deviations } = principalAxes(rows, dim, 3);
    near(mean, Float64Array.from({ length: dim }, (_, i) => i), 0.35);
    near(deviations, [9, 3, 1], 0.25);
    near(axes[0].subarray(0, 4), [-0.6, 0.8, 0, 0], 0.02);
    near(axes[1].subarray(0, 4), [0, 0, 0.8, 0.6], 0.02);
    for (let i = 0; i < 3; i++) for (let j = 0; j < 3; j++) near([axes[i].reduce((sum, value, k) => sum + value * axes[j][k], 0)], [Number(i === j)], 1e-9);
  });
}

test("coordinates and offsets are in standard deviations, and undo each other", () => {
  const rows = cloud(4, [1, 9, 3, 0.5]);
  const principal = principalAxes(rows, 4, 32);
  assert.equal(principal.axes.length, 4);
  const moved = alongAxes(principal, new Map([[1, 2], [3, -0.5], [9, 7]]));
  near(coordinatesOf(principal, Float32Array.from(principal.mean, (value, i) => value + moved[i])), [0, 2, 0, -0.5], 1e-5);
  // Flat: no axis without variance.
  assert.equal(principalAxes(Float32Array.of(0, 0, 1, 1, 2, 2), 2, 32).axes.length, 1);
});
