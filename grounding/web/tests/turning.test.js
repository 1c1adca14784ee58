import assert from "node:assert/strict";
import { test } from "node:test";

import { between } from "../src/flight.js";
import { turnedShare } from "../src/turning.js";

test("the slow turn is once around, never back, and at rest at both ends", () => {
  const shares = Array.from({ length: 101 }, (_, i) => turnedShare(i / 100));
  assert(Math.abs(shares[0]) < 1e-12 && Math.abs(shares[100] - 1) < 1e-12 && Math.abs(shares[50] - 0.5) < 1e-12);
  for (let i = 1; i <= 100; i++) assert(shares[i] > shares[i - 1]);
  const steps = shares.slice(1).map((share, i) => share - shares[i]);
  assert(steps[0] < steps[50] / 4 && steps[99] < steps[50] / 4);
});

test("a flight turns the shorter way around", () => {
  const camera = { turn: 3, tilt: 0, distance: 1, target: /** @type {const} */ ([0, 0, 0]) };
  const half = between(camera, { ...camera, turn: -3 }, 0.5);
  assert(Math.abs(half.turn - Math.PI) < 1e-9);
});
