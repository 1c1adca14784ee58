import assert from "node:assert/strict";
import { test } from "node:test";

import { formatBytes, formatCount, formatNumber, formatPercent, formatProgress } from "../src/format.js";

test("numbers as text", () => {
  assert.equal(formatCount(70000), "70,000");
  assert.deepEqual([0, 12, 1500, 2032278, 3e9].map(formatBytes), ["0 B", "12 B", "1.5 kB", "2.0 MB", "3.0 GB"]);
  assert.deepEqual(
    [0, 0.012345, -1.5, 123.456, 12345.6, 1e7, 0.00001, NaN].map((value) => formatNumber(value)),
    ["0", "0.0123", "−1.50", "123", "12346", "1.00e+7", "1.00e−5", "–"],
  );
  assert.equal(formatPercent(0.1234), "12 %");
  assert.equal(formatProgress(1_200_000, 2_032_278), "1.2 of 2.0 MB");
  assert.equal(formatProgress(500, null), "500 B");
});
