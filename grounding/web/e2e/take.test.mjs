/** What can be taken away from a page, in a real Chromium. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { expectNoProblems, nextFrame } from "./harness.mjs";
import { expectAccessible, load, prepare } from "./playground_site.mjs";

/** @typedef {import("./harness.mjs").WatchedPage} Page */

prepare();

/** @param {Page} page */
async function opened(page) {
  await page.locator(".view > summary").click();
  await page.getByRole("button", { name: "Take away …" }).click();
  await page.locator("dialog.take").waitFor();
}
/** @param {Page} page @param {() => Promise<unknown>} act */
async function saved(page, act) {
  const [download] = await Promise.all([page.waitForEvent("download", { timeout: 20_000 }), act()]);
  return { name: download.suggestedFilename(), bytes: await readFile(await download.path()) };
}

test("pictures at any size, with title and legend, as PNG and SVG", async () => {
  const page = await load("&dim=3", { colorScheme: "dark" });
  await opened(page);
  await expectAccessible(page, "take away, dark");
  const stage = await page.locator(".stage").boundingBox();
  assert(stage);
  const save = () => page.getByRole("button", { name: "Save", exact: true }).click();
  const kinds = page.getByLabel("Kind of picture");
  for (const scale of [1, 4]) {
    await kinds.selectOption(String(scale));
    const { name, bytes } = await saved(page, save);
    assert.match(name, /\.png$/);
    const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
    assert.equal(width, Math.floor(stage.width * scale));
    assert(height > stage.height * scale + 34 * scale, `${height}: title and legend are there`);
  }
  await kinds.selectOption("svg");
  const { bytes } = await saved(page, save);
  const text = bytes.toString();
  const counts = await page.evaluate((source) => {
    const picture = new DOMParser().parseFromString(source, "image/svg+xml");
    const words = [...picture.querySelectorAll("text")].map((node) => node.textContent);
    return { broken: picture.querySelector("parsererror") !== null, words, dots: (source.match(/h0/g) ?? []).length };
  }, text);
  assert(!counts.broken && counts.dots > 100);
  assert.match(counts.words[0] ?? "", /references/);
  assert.deepEqual(counts.words.slice(1), ["0", "1", "2", "4", "5", "6", "7", "8", "9"], "the dimmed class is not in the legend");
  assert.match(text, /<image [^>]*href="data:image\/png/);
  // The stage is as before.
  const ratio = await page.locator(".stage > canvas").evaluate((canvas) => /** @type {HTMLCanvasElement} */ (canvas).width / canvas.clientWidth);
  assert.equal(ratio, 1);
  await page.keyboard.press("Escape");
  assert.equal(await page.locator("dialog.take").count(), 0);
  expectNoProblems(page);
});

test("link, frame and citation are there to copy, and a film of a turn leaves the view as it was", async () => {
  const page = await load("&rotation=20", { viewport: { width: 390, height: 844 } });
  await opened(page);
  assert.match(await page.getByLabel("Link", { exact: true }).inputValue(), /rotation=20/);
  assert.match(await page.getByLabel("Frame", { exact: true }).inputValue(), /^<iframe src=".*embed=1" /);
  await page.waitForFunction(() => /** @type {HTMLInputElement} */ (document.querySelector("[aria-label=Citation]")).value.includes("manifest"));
  assert.match(await page.getByLabel("Citation", { exact: true }).inputValue(), /^Latent space of \w+, grounding [\d.]+, manifest SHA-256 [0-9a-f]{64}, checkpoint SHA-256 [0-9a-f]{64}, http/);
  const box = await page.locator("dialog.take").boundingBox();
  assert(box && box.x >= 0 && box.x + box.width <= 390);
  await page.evaluate(() => {
    const { now } = performance;
    const start = now.call(performance);
    // Ten times as fast: the film is as long as its pictures take.
    performance.now = () => start + 10 * (now.call(performance) - start);
  });
  const before = page.url();
  const { name, bytes } = await saved(page, () => page.getByRole("button", { name: "Film one turn" }).click());
  assert.match(name, /_turn\.webm$/);
  assert.equal(bytes.readUInt32BE(0), 0x1a45dfa3, "EBML");
  assert(bytes.length > 2000);
  await nextFrame(page);
  // Where frames are slow, the address has followed the film, and comes back a moment later.
  await page.waitForFunction((address) => location.href === address, before);
  expectNoProblems(page);
});

test("a browser that cannot film says so", async () => {
  const page = await load();
  await page.evaluate(() => Reflect.deleteProperty(window, "MediaRecorder"));
  await opened(page);
  assert.match(await page.locator("dialog.take").innerText(), /cannot record films/);
  assert.equal(await page.getByRole("button", { name: /Film/ }).count(), 0);
});
