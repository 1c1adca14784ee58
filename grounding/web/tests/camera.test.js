import assert from "node:assert/strict";
import { test } from "node:test";

import {
  FIELD_OF_VIEW, bounds, cameraFromVector, cameraToVector, eye, fit, flattest, isPlane, orbit, pan, project, viewProjection, zoom, zoomAt,
} from "../src/camera.js";

/** @type {import("../src/camera.js").Camera} */
const FRONT = { turn: 0, tilt: 0, distance: 10, target: [0, 0, 0] };

/** @param {ArrayLike<number>} actual @param {number[]} expected */
function close(actual, expected) {
  expected.forEach((value, i) => assert(Math.abs(actual[i] - value) < 1e-9, `${Array.from(actual)}`));
}

/** @param {import("../src/camera.js").Camera} camera @param {number[]} place */
function seen(camera, [x, y, z], width = 200, height = 100) {
  return project(viewProjection(camera, width / height), x, y, z, width, height);
}

test("the eye looks along -z from the front and from above with tilt", () => {
  close(eye(FRONT), [0, 0, 10]);
  close(eye({ ...FRONT, turn: Math.PI / 2 }), [10, 0, 0]);
  close(eye({ ...FRONT, tilt: Math.PI / 6, target: [1, 1, 1] }), [1, 6, 1 + 10 * Math.cos(Math.PI / 6)]);
});

test("projection by hand: target in the middle, x right, y up, depth along the view", () => {
  const middle = seen(FRONT, [0, 0, 0]);
  close([middle.x, middle.y, middle.depth], [100, 50, 10]);
  // At depth 10 half the height spans 10 tan(22.5°).
  const edge = 10 * Math.tan(FIELD_OF_VIEW / 2);
  const top = seen(FRONT, [0, edge, 0]);
  close([top.x, top.y], [100, 0]);
  const right = seen(FRONT, [2 * edge, 0, 0]);
  close([right.x, right.y], [200, 50]);
  assert(seen(FRONT, [0, 0, 20]).depth < 0);
});

test("fit sees all points, in wide and narrow windows", () => {
  const places = [-3, 1, 2, 8, -4, 0, 2, 9, -7, 0, 0, 30];
  for (const [width, height] of [[1200, 300], [300, 900]]) {
    const camera = fit(places, width / height);
    for (let i = 0; i < places.length; i += 3) {
      const { x, y, depth } = seen(camera, places.slice(i, i + 3), width, height);
      assert(x >= 0 && x <= width && y >= 0 && y <= height && depth > 0);
    }
  }
});

test("a plane is seen from in front, a cloud from the side", () => {
  const flat = fit([0, 0, 0, 2, 1, 0, 1, 3, 0], 1);
  assert.deepEqual([flat.turn, flat.tilt], [0, 0]);
  const cloud = fit([0, 0, 0, 2, 1, 5], 1);
  assert(cloud.turn !== 0 && cloud.tilt !== 0);
  assert.equal(fit([0, 0, 0, 2, 1, 0], 1, { from: cloud }).turn, cloud.turn);
});

test("fit to some points; nothing and one point are no trouble", () => {
  const camera = fit([0, 0, 0, 100, 0, 0, 102, 0, 0], 1, { only: (i) => i > 0 });
  close(camera.target, [101, 0, 0]);
  assert(fit([], 1).distance > 0);
  assert(fit([5, 5, 5], 1).distance > 0);
});

test("orbiting keeps distance and target, and stops below the pole", () => {
  const turned = orbit(FRONT, 0.3, 9);
  close([Math.hypot(...eye(turned))], [10]);
  assert(turned.tilt < Math.PI / 2);
  // Dragging to the right turns the scene to the right.
  assert(seen(orbit(FRONT, 0.1, 0), [0, 0, 1]).x > 100);
});

test("panning moves the target's plane with the cursor", () => {
  const camera = { ...FRONT, turn: 0.7, tilt: 0.4 };
  const moved = seen(pan(camera, 30, -12, 100), [0, 0, 0]);
  close([moved.x, moved.y], [130, 38]);
});

test("a zoom at a place leaves all on its ray where it is seen, and brings what is meant nearer by the factor", () => {
  const camera = { ...FRONT, turn: 0.7, tilt: -0.3, target: /** @type {const} */ ([1, 2, 3]) };
  const [from, [x, y, z]] = [eye(camera), [2.5, 1.2, 4]];
  const on = (/** @type {number} */ share) => from.map((value, i) => value + share * ([x, y, z][i] - value));
  const at = seen(camera, [x, y, z]);
  for (const factor of [0.3, 1.8]) {
    const nearer = zoomAt(camera, factor, at, { width: 200, height: 100 }, at.depth / camera.distance);
    assert(Math.abs(nearer.distance - 10 * factor) < 1e-9);
    for (const share of [1, 3]) {
      const now = seen(nearer, on(share));
      close([now.x, now.y], [at.x, at.y]);
    }
    close([seen(nearer, [x, y, z]).depth], [factor * at.depth]);
  }
  // In the middle it is the zoom that it always was.
  close(cameraToVector(zoomAt(camera, 0.5, { x: 100, y: 50 }, { width: 200, height: 100 })), cameraToVector(zoom(camera, 0.5)));
});

test("a flat picture: across as before, one depth, and the target's plane is unmoved", () => {
  const flat = (/** @type {number[]} */ [x, y, z]) => project(viewProjection(FRONT, 2, 1), x, y, z, 200, 100);
  for (const z of [-3, 0, 4]) {
    const { x, y, depth } = flat([1, 2, z]);
    const plain = seen(FRONT, [1, 2, 0]);
    close([x, y, depth], [plain.x, plain.y, 10]);
  }
});

test("the flattest look is along the axis of least variance", () => {
  // A disc across (1, 1, 1), thin along it.
  const [u, v, n] = [[1, -1, 0], [1, 1, -2], [1, 1, 1]].map((axis) => axis.map((value) => value / Math.hypot(...axis)));
  const places = Array.from({ length: 60 }, (_, i) => {
    const [a, b, c] = [3 * Math.cos(i), 2 * Math.sin(i), 0.1 * Math.sin(7 * i)];
    return u.map((value, axis) => 5 + a * value + b * v[axis] + c * n[axis]);
  }).flat();
  const { turn, tilt } = flattest(places);
  const look = [Math.cos(tilt) * Math.sin(turn), Math.sin(tilt), Math.cos(tilt) * Math.cos(turn)];
  assert(Math.abs(look[0] * n[0] + look[1] * n[1] + look[2] * n[2]) > 0.999);
  assert.deepEqual(flattest([0, 0, 1, 2, 1, 1, 1, 3, 1]), { turn: 0, tilt: 0 });
  assert([...Object.values(flattest([])), ...Object.values(flattest([1, 2, 3]))].every(Number.isFinite));
  assert(isPlane([0, 0, 1, 2, 1, 1]) && !isPlane([0, 0, 1, 2, 1, 2]) && !isPlane([1, 2, 3]) && !isPlane([]));
});

test("the ball around points", () => {
  assert.deepEqual(bounds([0, 0, 0, 4, 0, 0, 9, 9, 9], (i) => i < 2), { middle: [2, 0, 0], radius: 2 });
  assert.equal(bounds([0, 0, 0], () => false), null);
});

test("zooming is bounded", () => {
  assert.equal(zoom(FRONT, 0.5).distance, 5);
  assert(zoom(FRONT, 0).distance > 0 && zoom(FRONT, Infinity).distance < Infinity);
});

test("vectors of a camera", () => {
  const camera = { turn: 1, tilt: -0.5, distance: 3, target: /** @type {const} */ ([4, 5, 6]) };
  assert.deepEqual(cameraFromVector(cameraToVector(camera)), camera);
  for (const bad of [null, [1, 2], [0, 9, 1, 0, 0, 0], [0, 0, 0, 0, 0, 0], [0, 0, NaN, 0, 0, 0]]) {
    assert.equal(cameraFromVector(bad), null);
  }
});
