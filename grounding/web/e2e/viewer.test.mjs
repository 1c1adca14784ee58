/** The viewer in a real Chromium, on points of a really trained model. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { afterEach, test } from "node:test";

import { cameraFromVector, fit, project, viewProjection } from "../src/camera.js";
import { expectAccessible } from "./accessible.mjs";
import { expectNoProblems, expectWebGL2, nextFrame, PHONE, startBrowser } from "./harness.mjs";
import { address, browser, file, prepare, shared } from "./viewer_site.mjs";

/** @typedef {Awaited<ReturnType<Awaited<ReturnType<typeof startBrowser>>["newPage"]>>} Page */

prepare();

/** The page that tests share. @param {string} [more] @param {import("playwright-core").BrowserContextOptions} [options] */
async function open(more = "", options = {}) {
  const page = await shared.open(address + more, options);
  // What the address does not hold: selection and tool.
  await page.locator(".stage > canvas").focus();
  for (let i = 0; i < 3; i++) await page.keyboard.press("Escape");
  return shared.open(address + more, options);
}

/** A page of its own. @param {string} more @param {import("playwright-core").BrowserContextOptions} [options] */
async function load(more, options = {}) {
  const page = await browser.newPage(options);
  pages.push(page);
  await page.goto(address + more);
  await page.waitForSelector("html[data-state=ready]");
  return page;
}

/** All pictures of digits are there, and painted: that waits for a frame. @param {Page} page */
async function pictures(page) {
  await page.waitForFunction(() => performance.getEntriesByName("pictures").length > 0);
  await nextFrame(page);
}

/** @type {Page[]} */
let pages = [];

afterEach(async () => {
  for (const page of pages) await page.context().close();
  pages = [];
});

/** Where points are on the screen, by the camera that the address names. @param {Page} page */
async function places(page) {
  const box = await page.locator(".stage > canvas").boundingBox();
  assert(box);
  const vector = new URL(page.url()).searchParams.get("camera")?.split("_").map(Number) ?? null;
  const aspect = box.width / box.height;
  const matrix = viewProjection(cameraFromVector(vector) ?? fit(file.points.flat(), aspect), aspect);
  return file.points.map(([x, y, z]) => {
    const at = project(matrix, x, y, z, box.width, box.height);
    return { x: box.x + at.x, y: box.y + at.y };
  });
}

/** The lowest point has nothing in front of it. @param {Page} page */
async function lonely(page) {
  const all = await places(page);
  const row = all.reduce((best, at, i) => (at.y > all[best].y ? i : best), 0);
  return { row, ...all[row] };
}

/** @param {Page} page @param {string} name */
const parameter = (page, name) => new URL(page.url()).searchParams.get(name);

test("drawn with WebGL 2, with the count, the experiment and the facts", async () => {
  const page = await open();
  await expectWebGL2(page);
  const extensions = await page.evaluate(() => {
    const context = document.querySelector("canvas")?.getContext("webgl2");
    return ["EXT_color_buffer_float", "WEBGL_lose_context"].map((name) => Boolean(context?.getExtension(name)));
  });
  assert.deepEqual(extensions, [false, true], "each extension that is switched on costs waiting");
  assert.match(await page.locator(".count").innerText(), /^[\d,]+( of [\d,]+)? points, test split$/);
  assert.equal(await page.locator(".legend-rows > li").count(), new Set(file.labels).size);
  await page.locator(".about summary").click();
  assert.match(await page.locator(".about .facts").innerText(), /umap_3d/);
  const colours = await page.locator(".stage > canvas").screenshot();
  assert(colours.length > 20_000, "the picture is empty");
  expectNoProblems(page);
});

test("hover shows class, index and digit", async () => {
  const page = await open();
  const { row, x, y } = await lonely(page);
  await page.mouse.move(x, y);
  const card = page.locator(".hover");
  await card.waitFor();
  await pictures(page);
  const name = `Test image ${file.indices[row].toLocaleString("en-US")}`;
  assert.equal(await card.innerText(), `Class ${file.labels[row]}\n${name}`);
  await page.waitForFunction(() => {
    const canvas = /** @type {HTMLCanvasElement} */ (document.querySelector(".hover canvas"));
    const pixels = canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
    return pixels.some((value, i) => i % 4 < 3 && value > 128);
  });
  await page.mouse.move(x, y - 700);
  await card.waitFor({ state: "hidden" });
  expectNoProblems(page);
});

test("a click pins the point with its nearest neighbours; choosing one goes there; back returns", async () => {
  const page = await open();
  const { row, x, y } = await lonely(page);
  await page.mouse.click(x, y);
  const rows = page.locator(".near-row");
  await rows.first().waitFor();
  assert.equal(parameter(page, "select"), String(row));
  // In the latent space, and in the picture if that is asked for.
  assert.equal(await rows.locator(":visible").count() > 0 && (await page.locator(".near > .near-rows > li").count()), 8);
  const first = file.indices[file.neighbors[row][0]];
  assert.match(await rows.first().innerText(), new RegExp(`Test image ${first.toLocaleString("en-US")}`));
  await page.locator(".near summary").click();
  const drawn = page.locator(".near details .near-row");
  const nearest = file.points
    .map((point, i) => ({ i, distance: Math.hypot(...point.map((value, axis) => value - file.points[row][axis])) }))
    .sort((a, b) => a.distance - b.distance)
    .slice(1, 9);
  const shown = await drawn.locator(".number").allInnerTexts();
  shown.forEach((text, i) => assert(Math.abs(Number(text) - nearest[i].distance) < 0.01 * nearest[i].distance + 1e-3, text));
  const shared = file.neighbors[row].filter((other) => nearest.some(({ i }) => i === other)).length;
  assert.match(await page.locator(".near details").innerText(), new RegExp(`${shared} of 8 (is|are) also nearest in the latent space`));
  await page.locator(".near summary").click();
  await rows.first().click();
  const goal = file.neighbors[row][0];
  await page.waitForFunction((wanted) => location.search.includes(`select=${wanted}`), goal);
  const box = await page.locator(".stage > canvas").boundingBox();
  assert(box);
  // The camera goes there, and the address follows.
  for (let tries = 0, isThere = false; !isThere; tries++) {
    assert(tries < 40, "the point did not come to the middle");
    await page.waitForTimeout(50);
    const at = parameter(page, "camera") && (await places(page))[goal];
    isThere = Boolean(at && Math.abs(at.x - box.x - box.width / 2) < 2 && Math.abs(at.y - box.y - box.height / 2) < 2);
  }
  await page.goBack();
  assert.equal(parameter(page, "select"), String(row));
  assert.match(await page.locator(".chosen").innerText(), new RegExp(`Class ${file.labels[row]}`));
  await page.locator(".chosen .close").click();
  assert(await page.locator(".chosen").isHidden());
  assert.equal(parameter(page, "select"), null);
  expectNoProblems(page);
});

test("legend: click dims, double-click isolates, Escape and Show all restore, history follows", async () => {
  const page = await open();
  const button = page.locator(".legend-class").nth(3);
  await button.click();
  assert.equal(await button.getAttribute("aria-pressed"), "false");
  assert.equal(parameter(page, "dim"), "3");
  // Not the second of two clicks.
  await page.waitForTimeout(600);
  await button.dblclick();
  await page.waitForFunction(() => location.search.includes("isolate=3"));
  assert.equal(await page.locator('.legend-class[aria-pressed="true"]').count(), 1);
  await page.keyboard.press("Escape");
  assert.equal(await page.locator('.legend-class[aria-pressed="false"]').count(), 0);
  await page.locator(".legend-only").nth(1).click();
  assert.equal(parameter(page, "isolate"), "1");
  await page.goBack();
  assert.equal(await page.locator('.legend-class[aria-pressed="false"]').count(), 0);
  await page.goForward();
  assert.equal(await page.locator('.legend-class[aria-pressed="true"]').count(), 1);
  await page.getByRole("button", { name: "Show all" }).click();
  assert.equal(parameter(page, "isolate"), null);
  expectNoProblems(page);
});

test("a dimmed point cannot be hovered", async () => {
  const page = await open();
  const { row, x, y } = await lonely(page);
  await page.locator(".legend-class").nth([...new Set(file.labels)].sort((a, b) => a - b).indexOf(file.labels[row])).click();
  await page.mouse.move(x, y);
  await page.waitForTimeout(150);
  const text = await page.locator(".hover").innerText();
  assert(!text.includes(`Class ${file.labels[row]}`) || (await page.locator(".hover").isHidden()));
  expectNoProblems(page);
});

test("box and lasso count by class; clear and Escape end them", async () => {
  const page = await open();
  const stage = await page.locator(".stage > canvas").boundingBox();
  assert(stage);
  await page.keyboard.press("b");
  await page.mouse.move(stage.x + 5, stage.y + 60);
  await page.mouse.down();
  await page.mouse.move(stage.x + stage.width / 2, stage.y + stage.height / 2, { steps: 5 });
  assert(await page.locator(".outline polygon[points]").count());
  await page.mouse.up();
  const status = page.locator(".selection [role=status]");
  const inside = (await places(page)).filter(({ x, y }) => x <= stage.x + stage.width / 2 && y <= stage.y + stage.height / 2).length;
  const found = Number((await status.innerText()).split(" ")[0].replace(",", ""));
  assert(Math.abs(found - inside) <= 2, `${found} of ${inside}`);
  const counts = await page.locator(".bars li .number:nth-of-type(4)").allInnerTexts();
  assert.equal(counts.reduce((sum, text) => sum + Number(text.replace(",", "")), 0), found);
  await page.getByRole("button", { name: "Clear" }).click();
  assert.match(await status.innerText(), /Draw a box/);
  await page.getByRole("button", { name: "Lasso" }).click();
  await page.mouse.move(stage.x + 100, stage.y + 100);
  await page.mouse.down();
  for (const [x, y] of [[800, 100], [800, 700], [100, 700]]) await page.mouse.move(stage.x + x, stage.y + y, { steps: 8 });
  await page.mouse.up();
  assert.match(await status.innerText(), /^[\d,]+ of/);
  await page.keyboard.press("Escape");
  assert.equal(await page.getByRole("button", { name: "Turn" }).getAttribute("aria-pressed"), "true");
  await page.keyboard.press("Escape");
  assert.match(await status.innerText(), /Draw a box/);
  expectNoProblems(page);
});

test("search by the index in the split; what is not there is told", async () => {
  const page = await open();
  const input = page.locator("#find");
  await input.fill(String(file.indices[20]));
  await input.press("Enter");
  await page.locator(".near-row").first().waitFor();
  assert.equal(parameter(page, "select"), "20");
  const absent = Array.from({ length: 10_000 }, (_, i) => i).find((i) => !file.indices.includes(i)) ?? 99_999;
  await input.fill(String(absent));
  await page.getByRole("button", { name: "Find" }).click();
  assert.match(await page.locator("#find-message").innerText(), /is not among these/);
  await input.fill("seven");
  await input.press("Enter");
  assert.match(await page.locator("#find-message").innerText(), /whole number/);
  expectNoProblems(page);
});

test("the picture is saved as a PNG named by the experiment", async () => {
  const page = await open();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Save PNG" }).click()]);
  assert.match(download.suggestedFilename(), /_test_latent_points\.png$/);
  const bytes = await readFile(await download.path());
  assert.equal(bytes.subarray(1, 4).toString(), "PNG");
  assert(bytes.length > 20_000);
  expectNoProblems(page);
});

test("by the keyboard alone: turn, zoom, fit, choose, help", async () => {
  const page = await open();
  for (let i = 0; i < 20 && !(await page.locator(".stage > canvas:focus").count()); i++) await page.keyboard.press("Tab");
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("+");
  await page.waitForFunction(() => location.search.includes("camera="));
  const turned = parameter(page, "camera");
  await page.keyboard.press("0");
  await page.waitForFunction((old) => !location.search.includes(String(old)), turned);
  await page.keyboard.press("Enter");
  await page.locator(".near-row").first().waitFor();
  await page.keyboard.press("?");
  assert(await page.locator("dialog[open]").isVisible());
  await page.keyboard.press("Escape");
  assert.equal(await page.locator("dialog[open]").count(), 0);
  assert(await page.locator(".chosen").isVisible());
  await page.keyboard.press("/");
  assert.equal(await page.evaluate(() => document.activeElement?.id), "find");
  await page.keyboard.press("Tab");
  await page.locator("input[type=range]").focus();
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction(() => location.search.includes("size="));
  await page.keyboard.press("Delete");
  await page.waitForFunction(() => !location.search.includes("size="));
  await page.getByRole("button", { name: "All in view" }).press("Enter");
  assert.match(await page.locator(".selection [role=status]").innerText(), /of/);
  expectNoProblems(page);
});

/** A screenshot once the pinned point's panel is there with all of its pictures. @param {Page} page */
async function stageWithPanel(page) {
  await page.locator(".near-row").first().waitFor();
  await pictures(page);
  return page.locator(".stage > canvas").screenshot();
}

/** The largest difference of a colour's part, 0 to 255. @param {Page} page @param {Buffer[]} pictures two PNG files of one size */
function apart(page, pictures) {
  return page.evaluate(async (files) => {
    const [one, other] = await Promise.all(
      files.map(async (file) => {
        const bytes = Uint8Array.from(atob(file), (character) => character.charCodeAt(0));
        const bitmap = await createImageBitmap(new Blob([bytes]));
        const pen = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
        pen?.drawImage(bitmap, 0, 0);
        return pen?.getImageData(0, 0, bitmap.width, bitmap.height).data ?? new Uint8ClampedArray();
      }),
    );
    return one.reduce((most, value, i) => Math.max(most, Math.abs(value - other[i])), one.length - other.length);
  }, pictures.map((picture) => picture.toString("base64")));
}

test("the address holds the view: reload shows the same, reset takes it back", async () => {
  const page = await load("&dim=1.4&select=7&size=6.5&glyphs=1&theme=dark&camera=1.2_0.1_20_1_-7_-8");
  assert.equal(await page.locator("html").getAttribute("data-theme"), "dark");
  assert.equal(await page.locator("input[type=range]").inputValue(), "6.5");
  assert.equal(await page.locator('.legend-class[aria-pressed="false"]').count(), 2);
  const before = page.url();
  const first = await stageWithPanel(page);
  await page.reload();
  const again = await stageWithPanel(page);
  assert.equal(page.url(), before);
  // Edges of letters and rings are rounded one way or the other.
  assert((await apart(page, [first, again])) <= 1, "the picture changed");
  await page.getByRole("button", { name: "Reset" }).click();
  await page.waitForFunction(() => !location.search.includes("camera="));
  assert.equal(await page.locator("input[type=range]").inputValue(), "4");
  expectNoProblems(page);
});

test("on a phone: nothing overflows, a tap chooses, targets are large enough", async () => {
  const page = await open("", PHONE);
  const { row, x, y } = await lonely(page);
  await page.touchscreen.tap(x, y);
  await page.locator(".near-row").first().waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
  const small = await page.locator("button:visible, select:visible, input:visible, summary:visible").evaluateAll((nodes) =>
    nodes.filter((node) => node.closest("label") === null && node.getBoundingClientRect().height < 40).map((node) => node.outerHTML),
  );
  assert.deepEqual(small, []);
  expectNoProblems(page);
});

test("embedded: only the stage, and a link to the full page", async () => {
  const page = await load("&embed=1&dim=2");
  assert(await page.locator(".side").isHidden());
  assert(await page.locator(".bar").isHidden());
  assert.match(await page.locator(".count").innerText(), /points/);
  const href = await page.locator(".full-page").getAttribute("href");
  assert(href && !href.includes("embed") && href.includes("dim=2"));
  await expectAccessible(page, "embedded");
  expectNoProblems(page);
});

test("embedded with a part that there is not: it is named, and the others are shown", async () => {
  const page = await load("&embed=stage,foo,legend");
  assert.match(await page.locator(".notice").innerText(), /parts of the page that there are not: embed=foo\. It takes a list of stage, pictures, input, sliders, legend, readouts; the others/);
  assert.equal(await page.locator("html").getAttribute("data-parts"), "stage legend");
  expectNoProblems(page);
});

for (const [name, options] of /** @type {[string, import("playwright-core").BrowserContextOptions][]} */ ([
  ["light", { colorScheme: "light" }],
  ["dark", { colorScheme: "dark" }],
  ["phone", PHONE],
])) {
  test(`no accessibility violations: ${name}`, async () => {
    const page = await open("&select=3&isolate=4", { ...options, reducedMotion: "reduce" });
    await page.locator(".near-row").first().waitFor();
    await page.getByRole("button", { name: "All in view" }).click();
    for (const fold of await page.locator("summary").all()) await fold.click();
    await expectAccessible(page, name);
    await page.keyboard.press("?");
    await expectAccessible(page, `${name}, keys`);
    await page.keyboard.press("Escape");
    expectNoProblems(page);
  });
}
