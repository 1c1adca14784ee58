/** Random use of both pages for a short while: nothing fails, nothing grows. And what grows is found. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { growthOf, slopeOf } from "./growth.mjs";
import { startBrowser } from "./harness.mjs";
import { wander, wanderSite } from "./wander.mjs";

/** @type {Awaited<ReturnType<typeof wanderSite>>} */
let site;
/** @type {Awaited<ReturnType<typeof startBrowser>>} */
let browser;
before(async () => {
  site = await wanderSite();
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await site?.close();
});

test("a sample that lies off says nothing, nor does what comes once and stays", () => {
  assert.equal(slopeOf([[0, 1], [1, 3], [2, 5], [3, 1000], [4, 9], [5, 11]]), 2);
  assert.equal(slopeOf([0, 0, 0, 900, 900, 900].map((y, x) => [x, y])), 0);
  assert.equal(slopeOf([0, 0, 600, 600, 600, 900, 900].map((y, x) => [x, y])), 0);
  assert.equal(slopeOf([[0, 1]]), 0);
});

test("growth is told of the second half, beyond what is allowed", () => {
  const samples = Array.from({ length: 20 }, (_, i) => ({ minutes: i / 4, nodes: i < 10 ? 100 * i : 1000 + (i % 2), listeners: 50 + 8 * i, documents: 1 }));
  assert.deepEqual(growthOf(samples).map(({ name, perMinute }) => [name, perMinute]), [["listeners", 32]]);
});

for (const page of /** @type {const} */ (["viewer", "playground"])) {
  test(`${page}: a while of random use`, async () => {
    const { actions, problems, samples, grown } = await wander(browser, site.addresses[page], { seconds: 24, every: 1 });
    assert.deepEqual(problems, []);
    assert.deepEqual(grown, [], JSON.stringify(samples, null, 1));
    assert(samples.length > 5 && Object.keys(actions).length > 10, JSON.stringify(actions));
  });
}

/** In the page: each move of the pointer leaves something behind, and there is one between any two samples. @type {Record<string, () => void>} */
const LEAKS = {
  listeners: () => addEventListener("pointermove", () => addEventListener("pagehide", () => undefined), true),
  nodes: () => {
    const kept = /** @type {Node[]} */ (((/** @type {any} */ (window)).kept = []));
    addEventListener("pointermove", () => kept.push(document.createElement("i"), document.createElement("i")), true);
  },
  objects: () => {
    const kept = /** @type {number[][]} */ (((/** @type {any} */ (window)).kept = []));
    addEventListener("pointermove", () => kept.push(Array.from({ length: 4_000 }, (_, i) => i + 0.5)), true);
  },
};
test("what leaks with each move is found", async () => {
  const prepare = async (/** @type {import("./harness.mjs").WatchedPage} */ page) => {
    for (const leak of Object.values(LEAKS)) await page.addInitScript(leak);
  };
  const { grown, samples } = await wander(browser, site.addresses.viewer, { seconds: 24, every: 1, prepare });
  const names = grown.map(({ name }) => name);
  for (const name of Object.keys(LEAKS)) assert(names.includes(name), `${name} grew unseen: ${JSON.stringify(samples, null, 1)}`);
});
