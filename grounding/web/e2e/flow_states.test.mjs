/** Flow and slice where something is missing, on a phone, in light and dark, and by axe-core. */

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { expectNoProblems } from "./harness.mjs";
import { expectAccessible, load, prepare, query, site } from "./playground_site.mjs";

/** @typedef {import("./harness.mjs").WatchedPage} Page */

prepare();

/** @param {string} name @param {Record<string, unknown>} changes to the assets; without the manifest's word */
async function changed(name, changes) {
  await writeFile(join(site().changed, name), JSON.stringify({ ...site().plain, ...changes }));
  return query({ assets: `/changed/${name}` });
}

/** @param {Page} page */
const live = (page) => page.waitForFunction(() => document.querySelector(".flow-live")?.textContent);

test("without a file of the dynamics the current image flows, and a sentence says what writes the file", async () => {
  const page = await load("&mode=flow", {}, await changed("bare.json", {}));
  await live(page);
  assert.match(await page.locator(".missing").innerText(), /^Only the current digit flows: there is no file of this run’s dynamics, which “grounding dynamics --config \w+” writes/);
  assert.equal(await page.locator(".attractor, .attractor-label").count(), 0);
  assert(await page.locator("#color-title").isHidden());
  await page.getByRole("button", { name: "To 20 steps" }).click();
  assert.equal(await page.locator(".flow-steps").innerText(), "20 steps");
  assert.equal(await page.locator(".flow-kept").innerText(), "");
  await page.getByRole("button", { name: "Slice", exact: true }).click();
  await page.waitForFunction(() => document.querySelector(".side")?.textContent?.includes("No colours: this run has no file"));
  assert(await page.getByLabel("Where they end, as colour").isHidden());
  expectNoProblems(page);
});

test("a file that is not there, or no such file, is told in a sentence", async () => {
  const page = await load("&mode=flow&dynamics=/changed/nothing.json");
  await live(page);
  assert.match(await page.locator(".missing").innerText(), /There is no file \/changed\/nothing\.json/);
  expectNoProblems(page, /404/);
  await writeFile(join(site().changed, "other.json"), JSON.stringify({ steps: 200 }));
  const other = await load("&mode=flow&dynamics=/changed/other.json");
  await live(other);
  assert.match(await other.locator(".missing").innerText(), /The file lacks scale, times, gallery/);
  expectNoProblems(other);
});

test("points on another map, and of another checkpoint, do not flow", async () => {
  const dynamics = `&mode=flow&dynamics=/artifacts/${site().run.assets.replace("test_interactive_assets", "dynamics")}`;
  const points = site().plain.reference_points.map((/** @type {number[]} */ [x, y, z]) => [x + 1, y, z]);
  const moved = await load(dynamics, {}, await changed("moved.json", { reference_points: points }));
  await live(moved);
  assert.match(await moved.locator(".missing").innerText(), /made for another map of the points/);
  expectNoProblems(moved);
});

test("images that are no digits are called images, and need no labels", async () => {
  const dynamics = `&mode=flow&dynamics=/artifacts/${site().run.assets.replace("test_interactive_assets", "dynamics")}`;
  const page = await load(dynamics, {}, await changed("images.json", { data: { source: "shoes" }, has_labels: false }));
  await page.waitForSelector(".attractor");
  assert.match(await page.locator(".side").innerText(), /it (loses|keeps) the images/);
  assert.doesNotMatch(await page.locator(".page").innerText(), /digit/);
  await page.locator(".attractor").first().click();
  assert.equal(await page.locator(".histogram").count(), 0);
  expectNoProblems(page);
});

for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
  for (const width of [1280, 390]) {
    test(`no axe violation and nothing too small or too wide, ${colorScheme}, ${width} pixels`, async () => {
      const page = await load("&mode=flow&steps=5&color=basin", { viewport: { width, height: 844 }, colorScheme, hasTouch: width < 500 });
      await page.waitForSelector(".attractor");
      await live(page);
      await expectAccessible(page, "flow");
      await fits(page, width);
      await page.locator(".attractor").first().click();
      await page.waitForSelector(".attractor-detail:not([hidden])");
      await expectAccessible(page, "attractor");
      await fits(page, width);
      await page.getByRole("button", { name: "Slice", exact: true }).click();
      await page.getByRole("button", { name: "Three points" }).click();
      await page.waitForFunction(() => /nearest after \d+/.test(document.querySelector(".side")?.textContent ?? ""));
      await expectAccessible(page, "slice");
      await fits(page, width);
      expectNoProblems(page);
    });
  }
}

/** @param {Page} page @param {number} width */
async function fits(page, width) {
  assert(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "wider than the screen");
  if (width > 500) return;
  const small = await page.evaluate(() =>
    [...document.querySelectorAll("button, input, select, summary")]
      .filter((node) => node.getClientRects().length && Math.max(node.getBoundingClientRect().height, node.closest("label")?.getBoundingClientRect().height ?? 0) < 40)
      .map((node) => node.outerHTML.slice(0, 80)),
  );
  assert.deepEqual(small, []);
}
