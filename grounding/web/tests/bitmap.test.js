import assert from "node:assert/strict";
import { test } from "node:test";

import { clearImage, paintImage } from "../src/ui/bitmap.js";

/** A canvas of one pixel that remembers what was done to it. */
function fakeCanvas() {
  const done = /** @type {(number | "cleared")[]} */ ([]);
  const pen = {
    createImageData: (/** @type {number} */ width, /** @type {number} */ height) => ({ width, height, data: new Uint8ClampedArray(4 * width * height) }),
    putImageData: (/** @type {ImageData} */ { data }) => done.push(data[0]),
    clearRect: () => done.push("cleared"),
  };
  return { done, canvas: /** @type {HTMLCanvasElement} */ (/** @type {unknown} */ ({ width: 1, height: 1, getContext: () => pen })) };
}

/** @type {(() => void)[]} */
const frames = [];
Object.assign(globalThis, { requestAnimationFrame: (/** @type {() => void} */ paint) => frames.push(paint) });
const nextFrame = () => frames.splice(0).forEach((paint) => paint());
const ONE = /** @type {const} */ ([1, 1, 1]);

test("pictures wait for the frame; of several for one canvas the last is painted", () => {
  const [a, b] = [fakeCanvas(), fakeCanvas()];
  for (const value of [0.2, 0.4, 1]) paintImage(a.canvas, Float32Array.of(value), ONE);
  paintImage(b.canvas, Uint8Array.of(7, 9), ONE, 1);
  assert.deepEqual([a.done, b.done, frames.length], [[], [], 1]);
  nextFrame();
  assert.deepEqual([a.done, b.done], [[255], [9]]);
  nextFrame();
  assert.deepEqual(a.done, [255]);
});

test("what was cleared last stays clear", () => {
  const { canvas, done } = fakeCanvas();
  clearImage(canvas);
  nextFrame();
  assert.deepEqual(done, [], "there was nothing to clear");
  paintImage(canvas, Float32Array.of(1), ONE);
  nextFrame();
  paintImage(canvas, Float32Array.of(0), ONE);
  clearImage(canvas);
  nextFrame();
  assert.deepEqual(done, [255, "cleared"]);
  clearImage(canvas);
  paintImage(canvas, Float32Array.of(0), ONE);
  nextFrame();
  assert.deepEqual(done, [255, "cleared", 0]);
});
