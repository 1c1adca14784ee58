/** Both pages with images that are no digits: other shapes and channels, other classes, none at all. */

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { answered, expectNoProblems, nextFrame } from "./harness.mjs";
import { linearRun } from "./linear_model.mjs";
import { changes, expectAccessible, load, newPage, prepare, site } from "./playground_site.mjs";

/** @typedef {import("./harness.mjs").WatchedPage} Page */

const VIEWER = "/grounding/latent_space_viewer.html";

prepare();

/** @param {Page} page @param {string} selector of a canvas @returns {Promise<number[]>} RGBA of its first pixel */
async function pixel(page, selector) {
  await nextFrame(page);
  return page.locator(selector).first().evaluate((canvas) => {
    const { data } = /** @type {any} */ (canvas).getContext("2d").getImageData(0, 0, 1, 1);
    return Array.from(data);
  });
}

/** Width over height as it is shown. @param {Page} page @param {string} selector */
async function ratio(page, selector) {
  const box = await page.locator(selector).first().boundingBox();
  assert(box, selector);
  return box.width / box.height;
}

test("colour with alpha: shown as it is, and an image file becomes one like it", async () => {
  const labels = Array.from({ length: 60 }, (_, i) => [-4, 5][i % 2]);
  // Half transparent everywhere; two kinds, red and blue, in some shades.
  const { search } = await linearRun(site().changed, "rgba", {
    shape: [4, 6, 6],
    labels,
    image: (row, label, c) => (c === 3 ? 128 : (c === 0) === label < 0 && c !== 1 ? 150 + row : 20 + (row % 7)),
    more: { class_names: { "-4": "poppy", 5: "sky" } },
  });
  const page = await load("", undefined, search);
  assert.match(await page.locator(".readouts").innerText(), /\d of 5 (is|are) (poppy|sky)/);
  assert.deepEqual((await page.locator(".sample").allInnerTexts()).map((text) => text.trim()), ["poppy", "sky"]);
  await page.getByRole("button", { name: "Sample of poppy" }).click();
  await answered(page);
  assert.match(await page.locator(".preview-note").first().innerText(), /^sample of poppy$/);
  const [red, green, blue, alpha] = await pixel(page, ".preview canvas");
  assert(red >= 148 && green < 30 && blue < 30 && Math.abs(alpha - 128) <= 1, `${[red, green, blue, alpha]}`);
  assert.equal(await page.locator(".preview canvas.alpha").count(), 3);
  // Nothing to draw with a pen; a file is opened, dropped or pasted.
  assert.deepEqual(await page.locator(".segments[aria-label='Kind of input'] button").allInnerTexts(), ["Samples", "Image file"]);
  await page.getByRole("button", { name: "Image file" }).click();
  await expectAccessible(page, "image file");
  const png = await page.evaluate(async () => {
    const canvas = new OffscreenCanvas(90, 60);
    const pen = /** @type {any} */ (canvas.getContext("2d"));
    pen.fillStyle = "rgb(0 0 255)";
    pen.fillRect(0, 0, 90, 60);
    return Array.from(new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer()));
  });
  const file = { name: "sea.png", mimeType: "image/png", buffer: Buffer.from(png) };
  await changes(page, () => page.locator("input[type=file]").setInputFiles(file));
  assert.equal(await page.locator(".preview-note").first().innerText(), "sea.png");
  assert.deepEqual(await pixel(page, ".preview canvas"), [0, 0, 255, 255]);
  await page.locator("input[type=file]").setInputFiles({ name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("no image") });
  await page.getByText("notes.txt is no image that this browser can read").waitFor();
  // As from another window, while samples are shown.
  await page.getByRole("button", { name: "Samples" }).click();
  for (const kind of ["drop", "paste"]) {
    await page.evaluate(
      ([kind, bytes]) => {
        const data = new DataTransfer();
        data.items.add(new File([Uint8Array.from(/** @type {number[]} */ (bytes))], `${kind}.png`, { type: "image/png" }));
        const options = { dataTransfer: data, clipboardData: data, bubbles: true, cancelable: true };
        document.body.dispatchEvent(kind === "drop" ? new DragEvent("drop", options) : new ClipboardEvent("paste", options));
      },
      /** @type {[string, number[]]} */ ([kind, png]),
    );
    await page.waitForFunction((name) => document.querySelector(".preview-note")?.textContent === name, `${kind}.png`);
  }
  expectNoProblems(page);
});

test("wide images of 26 classes: true shapes everywhere, a search in the legend, a pad to draw on", async () => {
  const labels = Array.from({ length: 78 }, (_, i) => i % 26);
  const { search } = await linearRun(site().changed, "wide", {
    shape: [1, 20, 48],
    labels,
    image: (row, label, _, y, x) => (Math.floor(x / 2) === label ? 255 - row : 4 * (y % 5)),
    more: { class_names: Object.fromEntries(Array.from({ length: 26 }, (_, i) => [i, String.fromCharCode(65 + i)])) },
  });
  const page = await load("&source=drawing", undefined, search);
  for (const selector of [".pad", ".preview canvas", ".neighbor canvas"]) assert(Math.abs((await ratio(page, selector)) - 2.4) < 0.08, selector);
  await page.locator(".view > summary").click();
  assert.equal(await page.locator(".legend h2").innerText(), "26 classes");
  assert.equal(new Set(await page.locator(".legend .swatch").evaluateAll((nodes) => nodes.map((node) => /** @type {HTMLElement} */ (node).style.backgroundColor))).size, 26);
  assert.equal(await page.getByText(/share \d+ colours/).count(), 0);
  await page.getByRole("searchbox", { name: "Find a class" }).fill("q");
  assert.deepEqual(await page.locator(".legend-label").allInnerTexts(), ["Class\nQ"]);
  await page.getByRole("button", { name: "Only class Q" }).click();
  await page.waitForFunction(() => location.search.includes("isolate=16"));
  await page.getByRole("button", { name: "Interpolate", exact: true }).click();
  await page.waitForSelector(".film:not(.waiting)");
  assert(Math.abs((await ratio(page, ".endpoint canvas")) - 2.4) < 0.08);
  // A strip of six.
  assert(Math.abs((await ratio(page, ".strip")) - 6 * 2.4) < 0.2);
  assert.match(await page.locator(".endpoint-label").first().innerText(), /^[A-Z]$/);
  assert(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  await expectAccessible(page, "wide");
  expectNoProblems(page);
});

test("two references: each is told from itself, and what is left is said", async () => {
  const { search } = await linearRun(site().changed, "two", { shape: [3, 4, 4], labels: [7, 7], image: (row, _, c) => 60 * row + 20 * c + 30 });
  const page = await load("&source=reference&reference=1", undefined, search);
  await page.waitForFunction(() => document.querySelector(".preview-note")?.textContent === "reference 1, labelled 7");
  await answered(page);
  assert.deepEqual((await page.locator(".neighbor:visible").allInnerTexts()).map((text) => text.match(/#\d+/)?.[0]), ["#0"]);
  assert.match(await page.locator(".readouts").innerText(), /1 of 1 is 7/);
  expectNoProblems(page);
});

/** @param {string} name @param {Record<string, unknown>} value @param {string} [more] @param {Page} [page] */
async function view(name, value, more = "", page) {
  await writeFile(join(site().changed, name), JSON.stringify(value));
  const shown = page ?? (await newPage());
  await shown.goto(`${site().origin}${VIEWER}?data=/changed/${name}${more}`);
  await shown.waitForSelector("html[data-state=ready]");
  return shown;
}

/** @param {number} count */
const somewhere = (count) => Array.from({ length: count }, (_, i) => [i % 7, i % 11, i % 5]);

test("the viewer: 300 classes, labels with gaps and below 0, a palette, no labels, a plane", async () => {
  const labels = Array.from({ length: 900 }, (_, i) => i % 300);
  const many = { points: somewhere(900), labels, class_names: Object.fromEntries(labels.map((label) => [label, `species ${label}`])) };
  const page = await view("many.json", many, "&select=4&glyphs=1");
  assert.equal(await page.locator(".legend h2").innerText(), "300 classes");
  assert.match(await page.locator(".legend").innerText(), /300 classes share 30 colours: a colour alone does not tell a class\./);
  await page.getByRole("searchbox", { name: "Find a class" }).fill("species 29");
  assert.equal(await page.locator(".legend-class").count(), 11);
  await page.getByRole("searchbox", { name: "Find a class" }).fill("dodo");
  assert.match(await page.locator(".legend").innerText(), /No class is called that/);
  assert.match(await page.locator(".chosen").innerText(), /^×\s*species 4\s+Row 4/);
  await page.getByRole("button", { name: "All in view" }).click();
  assert.match(await page.locator(".selection").innerText(), /and \d+ more classes/);
  await expectAccessible(page, "300 classes");
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 1280);

  const gaps = { points: somewhere(90), labels: Array.from({ length: 90 }, (_, i) => [-7, 2, 12, 123_456][i % 4]) };
  await view("gaps.json", gaps, "&dim=-7.12&palette=ff0000.00ff00", page);
  assert.deepEqual(await page.locator(".legend-class").evaluateAll((nodes) => nodes.map((node) => `${/** @type {HTMLElement} */ (node).innerText.replace(/\s+/g, " ")} ${node.getAttribute("aria-pressed")}`)), [
    "Class -7 23 points false",
    "Class 2 23 points true",
    "Class 12 22 points false",
    "Class 123456 22 points true",
  ]);
  assert.match(await page.locator(".legend").innerText(), /4 classes share 2 colours/);
  assert.equal(await page.locator(".legend .swatch").nth(1).evaluate((node) => getComputedStyle(node).backgroundColor), "rgb(0, 255, 0)");

  await view("bare.json", { points: somewhere(30), labels: Array(30).fill(0), has_labels: false, split: "all", split_size: 90, indices: Array.from({ length: 30 }, (_, i) => 3 * i) }, "&select=2&glyphs=1", page);
  assert.equal(await page.locator(".count").innerText(), "30 of 90 points");
  await page.locator(".near-row").first().waitFor();
  assert.match(await page.locator(".chosen").innerText(), /^×\s*Row 6\s+Nearest in the picture/);
  for (const words of ["class", "instead of dots"]) assert.equal(await page.getByText(words).locator("visible=true").count(), 0, words);

  const flat = { points: Array.from({ length: 30 }, (_, i) => [i, (i * i) % 13, 0]), labels: Array(30).fill(1), projection: "latent", latent_dim: 2 };
  await view("flat.json", flat, "&select=3", page);
  await page.locator(".near-row").first().waitFor();
  assert.match(await page.locator(".near").innerText(), /Nearest in the latent space\s+8 of 8 are 1\. The latents themselves are drawn\./);
  await page.locator(".stage > canvas").focus();
  await page.keyboard.press("+");
  await page.waitForFunction(() => location.search.includes("camera="));
  // From in front: neither turned nor tilted.
  assert.match(page.url(), /camera=0_0_/);
  expectNoProblems(page);
});
