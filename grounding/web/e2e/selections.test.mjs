/** Selections of the viewer that lead on: added to, taken from, in a link, as a gallery, to the playground. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { indicesFromText, indicesToText } from "../src/indices.js";
import { expectAccessible } from "./accessible.mjs";
import { expectNoProblems, nextFrame, PHONE } from "./harness.mjs";
import { address, browser, file, prepare, shared } from "./viewer_site.mjs";

/** @typedef {import("./harness.mjs").WatchedPage} Page */

prepare();

/** @param {string} [more] @param {import("playwright-core").BrowserContextOptions} [options] */
const open = (more = "", options = {}) => shared.open(address + more, options);

/** As the page has it: playwright hears of it later. @param {Page} page @param {string} name */
const parameter = (page, name) => page.evaluate((key) => new URLSearchParams(location.search).get(key), name);

/** Positions in the split that the address names. @param {Page} page */
const selected = async (page) => indicesFromText((await parameter(page, "selected")) ?? "")?.indices ?? null;

/** @param {Page} page @param {number} x0 @param {number} x1 shares of the stage's width */
async function box(page, x0, x1) {
  const stage = await page.locator(".stage > canvas").boundingBox();
  assert(stage);
  await page.mouse.move(stage.x + x0 * stage.width, stage.y + 70);
  await page.mouse.down();
  await page.mouse.move(stage.x + x1 * stage.width, stage.y + stage.height - 5, { steps: 3 });
  await page.mouse.up();
}

test("add and subtract, by keys and by buttons; the address holds images, and back goes back", async () => {
  const page = await open();
  await page.getByRole("button", { name: "Box" }).click();
  await box(page, 0, 0.5);
  const left = (await selected(page)) ?? [];
  await page.keyboard.down("Shift");
  await box(page, 0.5, 1);
  await page.keyboard.up("Shift");
  const all = (await selected(page)) ?? [];
  assert(left.length > 0 && all.length > left.length);
  assert(left.every((image) => all.includes(image)) && all.every((image) => file.indices.includes(image)));
  await page.getByRole("button", { name: "Subtract" }).click();
  await box(page, 0, 0.5);
  assert.deepEqual(await selected(page), all.filter((image) => !left.includes(image)));
  await page.goBack();
  assert.deepEqual(await selected(page), all);
  assert.match(await page.locator(".selection [role=status]").first().innerText(), new RegExp(`^${all.length.toLocaleString("en-US")} of`));
  await page.keyboard.press("Escape");
  expectNoProblems(page);
});

test("a link says which of its images are not in this file, and shows the rest", async () => {
  const [a, b] = file.indices;
  const page = await open(`&selected=${indicesToText([a, b, 99_999].sort((x, y) => x - y))}`);
  assert.match(await page.locator(".notice").last().innerText(), /1 image of this link's selection is not among these .*; the other 2 are selected/);
  assert.match(await page.locator(".selection [role=status]").first().innerText(), /^2 of/);
  await page.locator(".notice button").last().click();
  await open("&selected=~!");
  assert.match(await page.locator(".notice").last().innerText(), /cannot be read: nothing is selected/);
  await page.locator(".notice button").last().click();
  expectNoProblems(page);
});

test("the worst reconstructions in a gallery, by keyboard; copied, saved, and opened in the playground", async () => {
  const page = await open();
  await page.getByRole("button", { name: "50 worst reconstructions" }).press("Enter");
  await page.locator(".stage > canvas").focus();
  await page.keyboard.press("g");
  const cells = page.locator(".grid-cells button");
  const order = file.reconstruction_error.map((_, row) => row).sort((x, y) => file.reconstruction_error[y] - file.reconstruction_error[x]);
  const name = (/** @type {number} */ row) => new RegExp(`Test image ${file.indices[row].toLocaleString("en-US")},`);
  assert.match(await cells.nth(0).innerText(), name(order[0]));
  await cells.nth(0).focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await page.waitForFunction((row) => new URLSearchParams(location.search).get("select") === row, String(order[1]));
  // Cells are made anew when there is more or less room for them, and the focus stays where it was.
  await page.setViewportSize({ width: 1180, height: 800 });
  await nextFrame(page);
  await page.keyboard.press("End");
  assert.match(await page.locator(".grid-cells button:focus").innerText(), name(order[49]));
  await page.locator(".gallery select").selectOption("medoid");
  assert.equal(await cells.nth(0).locator(".cell-value").innerText(), "0");
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.getByRole("button", { name: "Copy list" }).click();
  await page.getByText("50 copied.").waitFor();
  const copied = JSON.parse(await page.evaluate(() => navigator.clipboard.readText()));
  assert.deepEqual(copied, await selected(page));
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Save CSV" }).click()]);
  assert.match(download.suggestedFilename(), /_test_selection\.csv$/);
  assert.equal((await readFile(await download.path(), "utf8")).split("\r\n").length, 52);
  const link = page.getByRole("link", { name: "Open in playground" });
  await link.focus();
  const playground = await browser.newPage();
  await playground.goto(/** @type {string} */ (await link.evaluate((anchor) => /** @type {HTMLAnchorElement} */ (anchor).href)));
  await playground.waitForSelector("html[data-state=ready]");
  assert.match(await playground.locator(".brought").innerText(), /50 selected images are among these references/);
  await playground.waitForFunction(() => /reference=\d+/.test(location.search) && !location.search.includes("image="));
  await playground.getByRole("button", { name: "Show all" }).click();
  assert(await playground.locator(".brought").isHidden());
  expectNoProblems(playground);
  await playground.context().close();
  await page.keyboard.press("g");
  expectNoProblems(page);
});

test("of thousands of members only those in sight are made", async () => {
  const page = await open();
  await page.getByRole("button", { name: "All in view" }).click();
  await page.locator(".actions button").first().click();
  assert((await page.locator(".grid-cells li").count()) < 120);
  await page.locator(".grid-scroll").evaluate((node) => node.scrollTo(0, node.scrollHeight));
  await page.waitForFunction((last) => document.querySelector(`.grid-cells [data-place="${last}"]`), ((await selected(page)) ?? []).length - 1);
  assert((await page.locator(".grid-cells li").count()) < 120);
  await page.getByRole("button", { name: "Close the gallery" }).click();
  assert(await page.locator(".gallery").isHidden());
  expectNoProblems(page);
});

for (const [name, options] of /** @type {[string, import("playwright-core").BrowserContextOptions][]} */ ([
  ["dark", { colorScheme: "dark", reducedMotion: "reduce" }],
  ["forced colours", { forcedColors: "active" }],
  ["phone", PHONE],
])) {
  test(`the gallery: nothing overflows, no accessibility violations: ${name}`, async () => {
    const page = await open(`&selected=${indicesToText(file.indices.slice(0, 60).sort((x, y) => x - y))}&select=3`, options);
    await page.locator(".actions button").first().click();
    await nextFrame(page);
    const width = await page.evaluate(() => document.documentElement.clientWidth);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
    assert.equal(await page.locator(".side").evaluate((side) => side.scrollWidth - side.clientWidth), 0);
    await expectAccessible(page, name);
    if (name === "phone") {
      const small = await page.locator(".gallery button:visible, .selection button:visible, .selection a:visible").evaluateAll((nodes) => nodes.filter((node) => node.getBoundingClientRect().height < 40).map((node) => node.outerHTML));
      assert.deepEqual(small, []);
    }
    await page.getByRole("button", { name: "Close the gallery" }).click();
    expectNoProblems(page);
  });
}
