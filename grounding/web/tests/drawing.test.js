import assert from "node:assert/strict";
import { test } from "node:test";

import { PEN_RADIUS, drawnImage, inkCentre } from "../src/drawing.js";

/** @type {[number, number]} */
const SIZE = [28, 28];
const horizontal = { points: [0.25, 0.5, 0.75, 0.5], radius: 1 / 28 };

/** @param {Float32Array} image */
function box(image) {
  let [left, right, top, bottom] = [28, -1, 28, -1];
  image.forEach((value, i) => {
    if (value < 0.05) return;
    [left, right] = [Math.min(left, i % 28), Math.max(right, i % 28)];
    [top, bottom] = [Math.min(top, Math.floor(i / 28)), Math.max(bottom, Math.floor(i / 28))];
  });
  return { width: right - left + 1, height: bottom - top + 1 };
}

test("nothing drawn is black, normalised or not", () => {
  for (const normalize of [false, true]) {
    assert(drawnImage([], SIZE, { normalize }).every((value) => value === 0));
  }
});

test("a line two pixels wide covers the two rows beside its middle", () => {
  const image = drawnImage([horizontal], SIZE);
  // Rows 13 and 14 touch y = 14; x from 7 to 21.
  for (const row of [13, 14]) assert(image[row * 28 + 14] > 0.95);
  for (const row of [12, 15]) assert(image[row * 28 + 14] < 0.2);
  assert.equal(image[14 * 28 + 2], 0);
});

test("the ink has the area of the capsule", () => {
  const { mass, x, y } = inkCentre(drawnImage([horizontal], SIZE), SIZE);
  assert(Math.abs(mass - (14 * 2 + Math.PI)) < 0.6, String(mass));
  assert(Math.abs(x - 14) < 0.01 && Math.abs(y - 14) < 0.01);
});

test("a single point is a round dot", () => {
  const { mass } = inkCentre(drawnImage([{ points: [0.5, 0.5], radius: 3 / 28 }], SIZE), SIZE);
  assert(Math.abs(mass - Math.PI * 9) < 0.6, String(mass));
});

test("crossing strokes do not grow brighter than white", () => {
  const vertical = { points: [0.5, 0.2, 0.5, 0.8], radius: PEN_RADIUS };
  const image = drawnImage([horizontal, vertical, horizontal], SIZE);
  assert(image.every((value) => value >= 0 && value <= 1));
});

test("normalised: longer side 20, centre of mass in the middle, wherever it was drawn", () => {
  const corner = [
    { points: [0.05, 0.05, 0.2, 0.05], radius: PEN_RADIUS },
    { points: [0.2, 0.05, 0.1, 0.35], radius: PEN_RADIUS },
  ];
  const image = drawnImage(corner, SIZE, { normalize: true });
  const { x, y } = inkCentre(image, SIZE);
  assert(Math.abs(x - 14) < 0.02 && Math.abs(y - 14) < 0.02);
  const { width, height } = box(image);
  assert(height >= 20 && height <= 21 && width < height, `${width} x ${height}`);
});

test("normalising does not depend on place or size of the drawing", () => {
  const draw = (/** @type {number} */ scale, /** @type {number} */ offset) => ({
    points: [0.1, 0.1, 0.5, 0.3, 0.2, 0.6].map((value) => value * scale + offset),
    radius: PEN_RADIUS * scale,
  });
  const images = [draw(1, 0), draw(1.4, 0.05)].map((stroke) => drawnImage([stroke], SIZE, { normalize: true }));
  const most = Math.max(...images[0].map((value, i) => Math.abs(value - images[1][i])));
  assert(most < 0.25, String(most));
});

test("other image sizes", () => {
  const image = drawnImage([horizontal], [32, 16]);
  assert.equal(image.length, 512);
  assert(image[16 * 16 + 8] > 0.4);
});
