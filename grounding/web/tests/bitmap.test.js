import assert from "node:assert/strict";
import { test } from "node:test";

import { clearImage, paintImage, paintStrip } from "../src/ui/bitmap.js";

/** A canvas of one pixel that remembers what was done to it. */
function fakeCanvas() {
  const done = /** @type {(number | "cleared")[]} */ ([]);
  const pen = {
    createImageData: (/** @type {number} */ width, /** @type {number} */ height) => ({ width, height, data: new Uint8ClampedArray(4 * width * height) }),
    putImageData: (/** @type {ImageData} */ { data }) => {
      done.push(data[0]);
      painted = data;
    },
    clearRect: () => done.push("cleared"),
  };
  /** @type {ArrayLike<number>} */
  let painted = [];
  return { done, pixels: () => Array.from(painted), canvas: /** @type {HTMLCanvasElement} */ (/** @type {unknown} */ ({ width: 1, height: 1, getContext: () => pen })) };
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

test("one to four channels: grey, grey and alpha, RGB, RGBA", () => {
  const values = Uint8Array.of(10, 20, 30, 40);
  const wanted = { 1: [10, 10, 10, 255], 2: [10, 10, 10, 20], 3: [10, 20, 30, 255], 4: [10, 20, 30, 40] };
  for (const [channels, pixel] of Object.entries(wanted)) {
    const { canvas, pixels } = fakeCanvas();
    paintImage(canvas, values, [Number(channels), 1, 1]);
    nextFrame();
    assert.deepEqual(pixels(), pixel, `${channels} channels`);
  }
});

test("a strip gives high pictures a square cell each", () => {
  const { canvas, pixels } = fakeCanvas();
  // Two pictures of 3 x 1 pixels, the second of them first.
  paintStrip(canvas, Uint8Array.of(1, 2, 3, 4, 5, 6), [1, 3, 1], [1, 0]);
  nextFrame();
  const grey = pixels().filter((_, i) => i % 4 === 0);
  assert.deepEqual(grey, [0, 4, 0, 0, 1, 0, 0, 5, 0, 0, 2, 0, 0, 6, 0, 0, 3, 0]);
});
