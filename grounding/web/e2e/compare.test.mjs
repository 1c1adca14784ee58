/** Two runs side by side, on points of a really trained model and on a second map of the same images. */

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { indicesFromText } from "../src/indices.js";
import { expectAccessible } from "./accessible.mjs";
import { expectNoProblems, findRun, folders, nextFrame, PHONE, startBrowser, startServer } from "./harness.mjs";

/** @typedef {import("./harness.mjs").WatchedPage} Page */

/** @type {Awaited<ReturnType<typeof startServer>>} */
let server;
/** @type {Awaited<ReturnType<typeof startBrowser>>} */
let browser;
/** @type {any} */
let first;
/** @type {any} */
let second;
let changed = "";
let data = "";

before(async () => {
  changed = await mkdtemp(join(tmpdir(), "grounding-changed-"));
  server = await startServer({ "/": folders.repository, "/artifacts": folders.artifacts, "/changed": changed });
  browser = await startBrowser();
  const { points } = await findRun(folders.artifacts);
  data = `/artifacts/${points}`;
  first = JSON.parse(await readFile(join(folders.artifacts, points), "utf8"));
  const { arrays, made_from, ...plain } = first;
  assert(arrays && made_from);
  // Backwards and mirrored; each image's first neighbour is exchanged for the image after it.
  const count = first.indices.length;
  const back = (/** @type {any[]} */ list) => [...list].reverse();
  const row = (/** @type {number} */ at) => count - 1 - at;
  second = {
    ...plain,
    experiment: "mirrored",
    points: back(first.points).map(([x, y, z]) => [-x, z, y]),
    labels: back(first.labels),
    indices: back(first.indices),
    reconstruction_error: back(first.reconstruction_error),
    neighbor_label_agreement: back(first.neighbor_label_agreement),
    neighbors: back(first.neighbors).map((near, i) => [(i + 1) % count, ...near.slice(1).map(row)]),
  };
  await writeFile(join(changed, "mirrored.json"), JSON.stringify(second));
  await writeFile(join(changed, "foreign.json"), JSON.stringify({ ...second, experiment: "foreign", data: { source: "CIFAR-10", fingerprint: "0" } }));
});

after(async () => {
  await browser?.close();
  await server?.close();
  await rm(changed, { recursive: true, force: true });
});

/** @param {string} search @param {import("playwright-core").BrowserContextOptions} [options] */
async function open(search, options) {
  const page = await browser.newPage(options);
  await page.goto(`${server.origin}/grounding/latent_space_viewer.html?${search}`);
  await page.waitForSelector("html[data-state=ready], html[data-state=error]");
  return page;
}

/** As the page has it: playwright hears of it later. @param {Page} page @param {string} name */
const parameter = (page, name) => page.evaluate((key) => new URLSearchParams(location.search).get(key), name);

test("two ticked runs: one selection, one hover, one chosen image in both", async () => {
  const page = await open(`data=${data}&data=/changed/mirrored.json`);
  assert.match(await page.locator(".side").innerText(), new RegExp(`^${first.indices.length.toLocaleString("en-US")} images in both\\.`));
  const clouds = page.locator(".stage > canvas");
  assert.equal(await clouds.count(), 2);
  const shared = first.neighbors.map((/** @type {number[]} */ near, /** @type {number} */ row) => {
    const mine = near.map((one) => first.indices[one]);
    const other = second.neighbors[first.indices.length - 1 - row].map((/** @type {number} */ one) => second.indices[one]);
    return mine.filter((index) => other.includes(index)).length;
  });
  const mean = shared.reduce((/** @type {number} */ sum, /** @type {number} */ value) => sum + value, 0) / shared.length;
  assert.match(await page.locator(".scale .note").innerText(), new RegExp(`${mean.toPrecision(3)} on average`));
  // The second cloud's middle, by the keyboard: its image is chosen in both.
  await clouds.nth(1).focus();
  await page.keyboard.press("Enter");
  const row = Number(await parameter(page, "select"));
  assert.match(await page.locator(".chosen-pair").innerText(), new RegExp(`Test image ${first.indices[row].toLocaleString("en-US")}[^]*${shared[row]} of its 8 nearest are the same in both`));
  assert.equal(await page.locator(".pair-cells button.shared").count(), 2 * shared[row]);
  assert.match(await page.locator(".pair-probe").innerText(), /mirrored has no encoder/);
  // A box in the second selects in both.
  await page.keyboard.press("b");
  const box = await clouds.nth(1).boundingBox();
  assert(box);
  await page.mouse.move(box.x + 10, box.y + 80);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height - 60, { steps: 3 });
  await page.mouse.up();
  const images = indicesFromText((await parameter(page, "selected")) ?? "")?.indices ?? [];
  assert(images.length > 0 && images.length < first.indices.length);
  assert.match(await page.locator(".selection [role=status]").innerText(), new RegExp(`^${images.length.toLocaleString("en-US")} of`));
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  // Under the cursor in one, marked in the other.
  const cards = page.locator(".hover");
  for (let i = 0; i < 60; i++) {
    await page.mouse.move(box.x + box.width * (0.2 + 0.01 * i), box.y + box.height * (0.35 + 0.005 * i));
    await nextFrame(page);
    if (await cards.nth(1).isVisible()) break;
  }
  assert.equal(await cards.nth(0).innerText(), await cards.nth(1).innerText());
  assert((await cards.nth(0).isVisible()) && (await cards.nth(1).isVisible()));
  const address = await page.evaluate(() => location.href);
  assert.match(address, /data=[^&]*&other=/);
  await page.reload();
  await page.waitForSelector("html[data-state=ready]");
  assert.equal(page.url(), address);
  await page.goBack();
  assert.match(await page.locator(".selection [role=status]").innerText(), /^[\d,]+ of/);
  expectNoProblems(page);
  await page.context().close();
});

test("one image through both encoders lands in both clouds and is decoded by both", async () => {
  const page = await open(`data=${data}&other=${data}&select=7`);
  await page.waitForSelector(".pair-probe:not([hidden]) button:enabled");
  const encode = page.getByRole("button", { name: "Encode the chosen image" });
  for (let tries = 0; tries < 20 && (await page.locator(".pair-pictures").isHidden()); tries++) {
    await encode.click();
    await page.waitForFunction(() => !/Loading/.test(document.querySelector(".pair-probe")?.textContent ?? ""));
    await page.waitForTimeout(100);
  }
  const errors = (await page.locator(".pair-pictures figcaption").allInnerTexts()).map((text) => text.match(/MSE ([\d.]+)/)?.[1]);
  assert(errors.length === 2 && errors[0] && errors[0] === errors[1], String(errors));
  // What its own file says of this image, up to the bytes of its thumbnail.
  assert(Math.abs(Number(errors[0]) - first.reconstruction_error[7]) < 0.02 * first.reconstruction_error[7] + 1e-4, String(errors));
  await page.locator(".chosen-pair .close").click();
  assert(await page.locator(".pair-pictures").isHidden());
  expectNoProblems(page);
  await page.context().close();
});

test("runs of different data get a panel that says so, with a way to each", async () => {
  const page = await open(`data=${data}&data=/changed/foreign.json`);
  const panel = page.locator(".panel.error");
  assert.match(await panel.innerText(), /These two cannot be compared\. .* shows MNIST .*, test split; foreign shows CIFAR-10, test split\./);
  await expectAccessible(page, "different data");
  expectNoProblems(page);
  await panel.getByRole("link").nth(1).click();
  await page.waitForSelector("html[data-state=ready]");
  assert.equal(await page.locator("#experiment").innerText(), "foreign");
  await page.context().close();
});

for (const [name, options] of /** @type {[string, import("playwright-core").BrowserContextOptions][]} */ ([
  ["dark, forced colours", { colorScheme: "dark", forcedColors: "active", reducedMotion: "reduce" }],
  ["phone", PHONE],
])) {
  test(`side by side: no accessibility violations, nothing overflows: ${name}`, async () => {
    const page = await open(`data=${data}&other=/changed/mirrored.json&select=3&color=class`, options);
    await page.getByRole("button", { name: "All in view" }).click();
    await expectAccessible(page, name);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), 0);
    if (name === "phone") {
      const small = await page.locator("button:visible, select:visible, summary:visible").evaluateAll((nodes) => nodes.filter((node) => node.getBoundingClientRect().height < 40).map((node) => node.outerHTML));
      assert.deepEqual(small, []);
    }
    expectNoProblems(page);
    await page.context().close();
  });
}
