/** What helps to read the cloud, in a real Chromium: names of classes, pictures for dots, density. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { classColor } from "../src/colors.js";
import { expectNoProblems, nextFrame } from "./harness.mjs";
import { address, browser, prepare, shared } from "./viewer_site.mjs";

/** @typedef {import("./harness.mjs").WatchedPage} Page */

prepare();

/** Pixels on the canvas of the names that have just this colour. @param {Page} page @param {number[]} color */
const filled = (page, color) =>
  page.evaluate(([r, g, b]) => {
    const canvas = /** @type {HTMLCanvasElement} */ (document.querySelector(".names > canvas"));
    const pen = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
    pen?.drawImage(canvas, 0, 0);
    const data = pen?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
    let count = 0;
    for (let i = 0; i < data.length; i += 4) if (data[i] === r && data[i + 1] === g && data[i + 2] === b && data[i + 3] === 255) count++;
    return count;
  }, color);

/** Whether there soon are none, however slow the frames. @param {Page} page @param {number[]} color */
async function vanish(page, color) {
  for (let frame = 0; frame < 30 && (await filled(page, color)); frame++) await nextFrame(page);
  return (await filled(page, color)) === 0;
}

test("each class is named on the stage, in its colour; one that steps back is not; nor where names are off", async () => {
  const page = await shared.open(address);
  await nextFrame(page);
  let named = 0;
  for (let label = 0; label < 10; label++) if ((await filled(page, classColor(label, "light"))) > 60) named++;
  assert(named >= 8, `${named} of 10 names`);
  await page.locator(".legend-only").nth(3).click();
  await nextFrame(page);
  assert((await filled(page, classColor(3, "light"))) > 60);
  assert(await vanish(page, classColor(0, "light")));
  await page.getByLabel("Names of the classes").uncheck();
  await nextFrame(page);
  assert(await vanish(page, classColor(3, "light")));
  await page.waitForFunction(() => location.search.includes("names=0"));
  // In embeds as well.
  const embedded = await browser.newPage();
  await embedded.goto(`${address}&embed=1&theme=dark&isolate=2`);
  await embedded.waitForSelector("html[data-state=ready]");
  await nextFrame(embedded);
  assert((await filled(embedded, classColor(2, "dark"))) > 60);
  for (const one of [page, embedded]) expectNoProblems(one);
  await embedded.context().close();
});

test("near, dots become pictures; points let each other through where that is asked for", async () => {
  const near = `${address}&names=0&camera=0.6_0.35_1.5_0_0_0`;
  const page = await shared.open(near);
  await page.waitForFunction(() => performance.getEntriesByName("pictures").length > 0);
  await page.getByRole("button", { name: "Fit" }).click();
  await page.waitForTimeout(600);
  const canvas = page.locator(".stage > canvas");
  await canvas.focus();
  for (let i = 0; i < 9; i++) await page.keyboard.press("+");
  await nextFrame(page);
  const pictures = await canvas.screenshot();
  await page.getByLabel("Pictures where there is room").uncheck();
  await nextFrame(page);
  const dots = await canvas.screenshot();
  assert.notDeepEqual(pictures, dots);
  await page.keyboard.press("0");
  const density = page.getByLabel("Density: let points through");
  assert.equal(await density.isChecked(), false, "not of so few");
  await density.check();
  await page.waitForFunction(() => location.search.includes("density=on"));
  expectNoProblems(page);
});
