/** The playground lets all points flow, in a real Chromium, on a really trained run with its dynamics. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { before, test } from "node:test";

import { LENGTH_BYTES, arraysOf, headerEnd, headerOf } from "../src/safetensors.js";
import { answered, expectNoProblems, findRun, folders, nextFrame } from "./harness.mjs";
import { address, open, picture, prepare } from "./playground_site.mjs";

/** @typedef {import("./harness.mjs").WatchedPage} Page */

prepare();

/** What the file says. @type {any} */
let run;

before(async () => {
  const place = join(folders.artifacts, (await findRun(folders.artifacts)).assets.replace("_test_interactive_assets.json", "_dynamics"));
  const bytes = await readFile(`${place}.safetensors`);
  const end = headerEnd(bytes, bytes.length);
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  const arrays = arraysOf(headerOf(bytes.subarray(0, end), bytes.length), /** @type {ArrayBuffer} */ (buffer));
  assert(end > LENGTH_BYTES);
  const members = [.../** @type {Int32Array} */ (arrays.reference_attractor.data)];
  const counts = [...new Set(members)].filter((one) => one >= 0).map((one) => members.filter((member) => member === one).length);
  run = { ...JSON.parse(await readFile(`${place}.json`, "utf8")), members, counts: counts.sort((a, b) => b - a) };
});

/** @param {number} steps after which the file knows it */
const percentAt = (steps) => `${Math.round(100 * run.knn_accuracy[run.times.indexOf(steps)])} %`;

/** What is drawn on the stage. @param {Page} page */
async function stage(page) {
  await nextFrame(page);
  return (await page.locator(".stage").screenshot()).toString("base64");
}

/** Share of the pixels that are others; the emulated GPU rounds now and then. @param {Page} page @param {string} a @param {string} b */
const apart = (page, a, b) =>
  page.evaluate(async (pictures) => {
    const [one, other] = await Promise.all(
      pictures.map(async (picture) => {
        const image = new Image();
        image.src = `data:image/png;base64,${picture}`;
        await image.decode();
        const canvas = new OffscreenCanvas(image.width, image.height);
        const pen = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
        pen.drawImage(image, 0, 0);
        return pen.getImageData(0, 0, image.width, image.height).data;
      }),
    );
    return one.filter((value, i) => Math.abs(value - other[i]) > 8).length / one.length;
  }, [a, b]);
/** More would be seen. */
const SAME = 1e-3;

/** How often the page asks for frames by itself. @param {Page} page @param {number} ms */
const framesWithin = (page, ms) =>
  page.evaluate(async (time) => {
    const own = window.requestAnimationFrame;
    let asked = 0;
    window.requestAnimationFrame = (callback) => (asked++, own(callback));
    await new Promise((resolve) => setTimeout(resolve, time));
    window.requestAnimationFrame = own;
    return asked;
  }, ms);

/** @param {Page} page */
async function flowing(page) {
  await page.waitForSelector(".flow-dock:not(.waiting)");
  await page.waitForSelector(".attractor");
  await page.waitForFunction(() => document.querySelector(".flow-live")?.textContent);
}

test("it says what f is, what it does to the digits, and where they end", async () => {
  const page = await open("&mode=flow&digit=4");
  await flowing(page);
  const side = await page.locator(".side").innerText();
  assert.match(side, /turns a latent z into a picture and encodes that picture again/);
  assert.match(side, new RegExp(`In this run it (loses|keeps) the digits: at the start ${percentAt(0)} are told right, after 5 steps ${percentAt(5)}, after 200 ${percentAt(200)}`));
  assert.equal(await page.locator(".attractor").count(), Math.min(10, run.counts.length));
  assert.match(await page.locator(".attractor-list").innerText(), new RegExp(`in (one attractor|${run.counts.length} attractors)`));
  assert.match(await page.locator(".flow-live").innerText(), /^Digit sample 4: (at rest after \d+ steps?|it rests|it has not)/);
  const step = Number((await page.locator(".flow-live").innerText()).match(/One step of f takes ([\d.]+) ms/)?.[1]);
  assert(step < 5, `a step of f takes ${step} ms`);
  expectNoProblems(page);
});

test("points gather and come back; the sentence has the run's figures", async () => {
  const page = await open("&mode=flow&digit=4");
  await flowing(page);
  const start = await stage(page);
  assert.equal(await page.locator(".flow-kept").innerText(), `At the start ${percentAt(0)} of the digits are told right.`);
  for (const steps of [5, 20]) {
    await page.getByRole("button", { name: `To ${steps} steps` }).click();
    assert.equal(await page.locator(".flow-kept").innerText(), `After ${steps} steps ${percentAt(steps)} of the digits are still told right.`);
  }
  await address(page, /steps=20/);
  const moved = await stage(page);
  assert((await apart(page, moved, start)) > SAME);
  const scrubber = page.getByRole("slider", { name: "Steps of f" });
  await scrubber.focus();
  await page.keyboard.press("ArrowRight");
  assert.equal(await scrubber.getAttribute("aria-valuetext"), "50 steps");
  await page.getByRole("button", { name: "To 200 steps" }).click();
  assert.equal(await page.locator(".flow-steps").innerText(), "200 steps");
  await page.getByRole("button", { name: "Bring it back" }).click();
  await page.waitForFunction(() => document.querySelector(".flow-steps")?.textContent === "0 steps");
  await page.locator("h1").click();
  assert((await apart(page, await stage(page), start)) < SAME);
  expectNoProblems(page);
});

test("let it flow moves by itself, pause keeps it, and at rest the page asks for no frames", async () => {
  const page = await open("&mode=flow");
  await flowing(page);
  await page.getByRole("button", { name: "Let it flow" }).click();
  await page.waitForFunction(() => /^[2-9] steps/.test(document.querySelector(".flow-steps")?.textContent ?? ""));
  await page.getByRole("button", { name: "Pause" }).click();
  const [steps, seen] = [await page.locator(".flow-steps").innerText(), await stage(page)];
  assert.equal(await framesWithin(page, 300), 0);
  assert.equal(await page.locator(".flow-steps").innerText(), steps);
  assert((await apart(page, await stage(page), seen)) < SAME);
  expectNoProblems(page);
});

test("with reduced motion it jumps from stop to stop", async () => {
  const page = await open("&mode=flow&steps=20", { reducedMotion: "reduce" });
  await flowing(page);
  await page.getByRole("button", { name: "Let it flow" }).click();
  for (const steps of [50, 200]) await page.waitForFunction((text) => document.querySelector(".flow-steps")?.textContent === text, `${steps} steps`);
  assert(await page.getByRole("button", { name: "Bring it back" }).isVisible());
});

test("an attractor shows its members, on the stage and in the list; a link and back do so, too", async () => {
  const page = await open("&mode=flow&steps=5");
  await flowing(page);
  const all = await stage(page);
  await page.locator(".attractor-label").first().click();
  assert.equal(await page.locator(".attractor-list h2").innerText(), "Attractor 1");
  const total = run.members.length.toLocaleString("en-US");
  assert.match(await page.locator(".attractor-detail").innerText(), new RegExp(`^[^]*${run.counts[0].toLocaleString("en-US")} of ${total} digits end here`));
  const shown = (await page.locator(".histogram .number").allInnerTexts()).map((text) => Number(text.replace(",", "")));
  assert.equal(shown.reduce((sum, count) => sum + count, 0), run.counts[0]);
  assert.match(await page.locator(".attractor-pictures").innerText(), /Nearest training image, Class \d/);
  assert((await apart(page, await stage(page), all)) > SAME);
  await address(page, /attractor=1/);
  await page.locator(".member").first().click();
  assert.match(await page.locator(".card").filter({ hasText: "Reference" }).innerText(), /Reference \d+/);
  await page.getByRole("button", { name: "All attractors" }).click();
  assert.equal(await page.locator(".attractor-list h2").innerText(), "Where it ends");
  await page.goBack();
  await page.waitForFunction(() => document.querySelector(".attractor-list h2")?.textContent === "Attractor 1");
  expectNoProblems(page);
});

test("points take the colours of their basins, and other modes have those of classes", async () => {
  const page = await open("&mode=flow");
  await flowing(page);
  const byClass = await stage(page);
  await page.getByRole("button", { name: "Where it ends" }).click();
  await address(page, /color=basin/);
  assert((await apart(page, await stage(page), byClass)) > SAME);
  await page.getByRole("button", { name: "Probe", exact: true }).click();
  await answered(page);
  assert.equal(await page.locator(".attractor-label").count(), 0);
  await page.getByRole("button", { name: "Flow", exact: true }).click();
  await page.getByRole("button", { name: "Class", exact: true }).click();
  await page.locator("h1").click();
  await flowing(page);
  assert((await apart(page, await stage(page), byClass)) < SAME);
  expectNoProblems(page);
});

test("a reference that is taken as input flows", async () => {
  const page = await open("&mode=flow&digit=1");
  await flowing(page);
  const before = await picture(page, ".flow-cell:first-child canvas");
  await page.locator(".stage > canvas").focus();
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Take as input" }).click();
  await page.waitForFunction(() => document.querySelector(".flow-live")?.textContent?.startsWith("Reference "));
  await answered(page);
  assert.notEqual(await picture(page, ".flow-cell:first-child canvas"), before);
  assert(await page.locator(".flow-dock").isVisible());
  expectNoProblems(page);
});
