import assert from "node:assert/strict";
import { test } from "node:test";

import { cellCentre, gridOf, latentAt, onPlane, planeThrough, principalPlane } from "../src/plane.js";
import { planesOf } from "../src/playground/current.js";

const near = (/** @type {ArrayLike<number>} */ a, /** @type {ArrayLike<number>} */ b, by = 1e-5) => {
  assert.equal(a.length, b.length);
  for (let i = 0; i < a.length; i++) assert(Math.abs(a[i] - b[i]) < by, `${[...Array.from(a)]} and ${[...Array.from(b)]}`);
};

/** Ellipsoid around (1, 2, 3): widest along (3, 4, 0) / 5, then along z. */
function ellipsoid() {
  const rows = [];
  for (let i = 0; i < 300; i++) {
    const [u, v, w] = [7, 3, 1].map((size, k) => size * Math.sin(i * (1 + 0.37 * k) + k));
    rows.push(1 + 0.6 * u - 0.8 * w, 2 + 0.8 * u + 0.6 * w, 3 + v);
  }
  return Float32Array.from(rows);
}

test("principal axes of a known ellipsoid, through its mean", () => {
  const { origin, axes, centre, half } = principalPlane(ellipsoid(), 3);
  near(origin, [1, 2, 3], 0.1);
  near(axes[0], [0.6, 0.8, 0], 0.02);
  near(axes[1], [0, 0, 1], 0.02);
  assert.deepEqual(centre, [0, 0]);
  assert(half > 6.5 && half < 7.1, String(half));
});

test("axes are orthonormal, whatever the rows", () => {
  for (const rows of [Float32Array.from([1, 1, 1, 1, 1, 1]), Float32Array.from([0, 0, 0, 1, 0, 0]), ellipsoid()]) {
    const [a, b] = principalPlane(rows, 3).axes;
    const products = [[a, a], [b, b], [a, b]].map(([v, w]) => v.reduce((sum, value, i) => sum + value * w[i], 0));
    near(products, [1, 1, 0]);
  }
});

test("the plane through three points holds them; the line between two is straight", () => {
  const [a, b, c] = [[0, 0, 1], [4, 0, 1], [1, 2, 1]];
  const plane = planeThrough(a, b, c);
  assert(plane);
  const corners = [a, b, c].map((z) => onPlane(plane, z));
  near(corners.flatMap(({ x, y, distance }) => [x, y, distance]), [0, 0, 0, 4, 0, 0, 1, 2, 0]);
  near(latentAt(plane, 2, 0), [2, 0, 1]);
  near(latentAt(plane, 1, 2), c);
  const off = onPlane(plane, [3, 1, 4]);
  near([off.x, off.y, off.distance], [3, 1, 3]);
  for (const { x, y } of corners) assert(Math.abs(x - plane.centre[0]) < plane.half && Math.abs(y - plane.centre[1]) < plane.half);
});

test("three points on a line, or two that are one, span no plane", () => {
  assert.equal(planeThrough([0, 0], [1, 1], [2, 2]), null);
  assert.equal(planeThrough([0, 0], [0, 0], [2, 2]), null);
  assert.equal(planeThrough([1, 0], [2, 2], [1, 0]), null);
});

test("the grid begins above on the left; y goes up", () => {
  const plane = { origin: Float64Array.of(0, 0, 5), axes: /** @type {[Float64Array, Float64Array]} */ ([Float64Array.of(1, 0, 0), Float64Array.of(0, 1, 0)]), centre: /** @type {[number, number]} */ ([1, 0]), half: 2 };
  assert.deepEqual(cellCentre(plane, 2, 0, 0), [0, 1]);
  near(gridOf(plane, 2), [0, 1, 5, 2, 1, 5, 0, -1, 5, 2, -1, 5]);
});

test("planes of the page: the third corner is of a third class, a point is found again", () => {
  const assets = { rawLatents: Float32Array.from([0, 0, 4, 0, 1, 2, 8, 0]), latentDim: 2, labels: Int32Array.from([0, 1, 2, 0]), count: 4 };
  const planes = planesOf(assets, () => [0, 1]);
  const state = { plane: /** @type {const} */ ("points"), third: null, at: [1, 2], from: 0, to: 1 };
  assert.deepEqual(planes.corners(state), [0, 1, 2]);
  near(/** @type {Float32Array} */ (planes.point(state)), [1, 2]);
  assert.equal(planes.point({ ...state, at: null }), null);
  assert(!planes.areOnLine(state));
  // 0, 4 and 8 lie on one line: the widest directions stand in.
  const line = { ...state, third: 3 };
  assert(planes.areOnLine(line));
  assert.deepEqual(planes.plane(line), planes.plane({ ...state, plane: "axes" }));
  assert.deepEqual(planes.corners({ third: 99 }), [0, 1, 2]);
});
