/** The viewer when something is missing, broken, hostile, or simply not in the file. */

import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";

import { expectAccessible } from "./accessible.mjs";
import { expectNoProblems, findRun, folders, loseContext, startBrowser, startServer } from "./harness.mjs";

const PAGE = "/grounding/latent_space_viewer.html";
const POINTS = { points: Array.from({ length: 30 }, (_, i) => [i % 5, i % 7, i % 3]), labels: Array.from({ length: 30 }, (_, i) => i % 4) };

/** @type {Awaited<ReturnType<typeof startServer>>} */
let server;
/** @type {Awaited<ReturnType<typeof startBrowser>>} */
let browser;
let changed = "";
let real = "";
let manifest = "";
/** @type {import("./harness.mjs").WatchedPage[]} */
let pages = [];

before(async () => {
  changed = await mkdtemp(join(tmpdir(), "grounding-changed-"));
  server = await startServer({ "/": folders.repository, "/artifacts": folders.artifacts, "/changed": changed });
  browser = await startBrowser();
  const { points, encoder } = await findRun(folders.artifacts);
  real = `/artifacts/${points}`;
  manifest = encoder.replace("_encoder.onnx", ".run.json");
});

afterEach(async () => {
  for (const page of pages) await page.context().close();
  pages = [];
});

after(async () => {
  await browser?.close();
  await server?.close();
  await rm(changed, { recursive: true, force: true });
});

/** @param {string} search @param {(page: import("./harness.mjs").WatchedPage) => Promise<unknown>} [prepare] */
async function visit(search, prepare) {
  const page = await browser.newPage();
  pages.push(page);
  await prepare?.(page);
  await page.goto(`${server.origin}${PAGE}${search}`);
  return page;
}

/** @param {string} name @param {unknown} value */
async function write(name, value) {
  await writeFile(join(changed, name), typeof value === "string" ? value : JSON.stringify(value));
  return `/changed/${name}`;
}

/** The real run's points with their arrays, pictures and manifest, in a folder that may be changed. */
async function copied() {
  const folder = join(changed, "run");
  const points = real.slice("/artifacts/".length);
  const file = points.replace(/json$/, "safetensors");
  await mkdir(folder, { recursive: true });
  const pictures = points.replace(/\.json$/, "_thumbnails.safetensors");
  for (const name of [points, file, pictures, manifest]) await cp(join(folders.artifacts, name), join(folder, name));
  return { folder, file, pictures, points };
}

/** @param {string} name @param {unknown} value @param {string} [more] */
async function openFile(name, value, more = "") {
  const page = await visit(`?data=${await write(name, value)}${more}`);
  await page.waitForSelector("html[data-state=ready]");
  return page;
}

/**
 * @param {import("./harness.mjs").WatchedPage} page that can be used again
 * @param {string} data @param {string} code @param {RegExp} words @param {RegExp} [allowed] console errors
 */
async function expectPanel(page, data, code, words, allowed) {
  await page.goto(`${server.origin}${PAGE}?data=${encodeURIComponent(data)}`);
  const panel = page.locator(".panel.error");
  await panel.waitFor();
  assert.equal(await panel.getAttribute("data-code"), code, data);
  assert.match(await panel.innerText(), words);
  assert(await page.locator(".side").isHidden());
  assert.equal(await page.locator("html").getAttribute("data-state"), "error");
  expectNoProblems(page, allowed);
  page.problems.length = 0;
}

test("no parameters: what the page needs, and the commands", async () => {
  const page = await visit("");
  assert.match(await page.locator(".panel.welcome").innerText(), /grounding run --config 7[\s\S]*grounding serve --open/);
  assert.equal(await page.locator(".panel.error").count(), 0);
  await expectAccessible(page, "welcome");
  expectNoProblems(page);
});

test("addresses that are not of this server, or hold nothing", async () => {
  const page = await visit("");
  for (const url of ["//example.org/a.json", "javascript:alert(1)"]) {
    await expectPanel(page, url, "url", /data/);
  }
  await expectPanel(page, "/artifacts/none.json", "missing", /none\.json[\s\S]*Run the command/, /404/);
});

// What else can be wrong with a file or an address, tests/assets.test.js and tests/urls.test.js hold.
test("files that are broken say what is wrong with them", async () => {
  const rows = POINTS.points;
  const page = await visit("");
  await expectPanel(page, await write("a.json", "no json"), "not-json", /not a JSON file/);
  await expectPanel(page, await write("b.json", { labels: [1] }), "keys", /lacks points/);
  await expectPanel(page, await write("d.json", { ...POINTS, points: [[null, 0, 0], ...rows.slice(1)] }), "value", /finite/);
  await expectPanel(page, await write("e.json", JSON.stringify(POINTS).replace("[0,0,0]", "[NaN,0,0]")), "not-json", /not a JSON file/);
  await expectPanel(page, await write("g.json", { points: Array(250_001).fill([0, 0, 0]), labels: [] }), "too-many", /max-points/);
});

test("only points and labels: everything else is left out", async () => {
  const page = await openFile("bare.json", POINTS, "&select=2");
  assert.equal(await page.locator(".count").innerText(), "30 points");
  assert.equal(await page.locator("label[for=find]").innerText(), "Find by row");
  await page.locator(".near-row").first().waitFor();
  assert.match(await page.locator(".chosen").innerText(), /Class 2\s+Row 2/);
  // The points, the names and the marks in front of them; no picture of a digit.
  assert.equal(await page.locator(".page canvas").count(), 3);
  assert.equal(await page.locator(".stage canvas").count(), 3);
  assert.equal(await page.getByText("Colour by").count(), 0);
  await page.locator("#find").fill("30");
  await page.locator("#find").press("Enter");
  assert.match(await page.locator("#find-message").innerText(), /last is 29/);
  await expectAccessible(page, "bare");
  expectNoProblems(page);
});

test("colour by a number of each point, with its scale in numbers and words", async () => {
  const page = await openFile("numbers.json", { ...POINTS, own_loss: POINTS.points.map((_, i) => i / 10), split: "test", config: { data: { test_samples: 12_000 } } });
  assert.equal(await page.locator(".count").innerText(), "30 of 12,000 points, test split");
  const before = await page.locator(".stage > canvas").screenshot();
  await page.getByLabel("Colour by").selectOption("own_loss");
  assert.deepEqual(await page.locator(".scale-ends span").allInnerTexts(), ["0", "2.90"]);
  assert.match(await page.locator(".scale").innerText(), /lowest.*highest/);
  assert.equal(new URL(page.url()).searchParams.get("color"), "own_loss");
  await page.waitForTimeout(150);
  assert(!before.equals(await page.locator(".stage > canvas").screenshot()));
  await expectAccessible(page, "by number");
  await page.goBack();
  assert.equal(await page.getByLabel("Colour by").inputValue(), "");
  expectNoProblems(page);
});

test("hostile text stays text", async () => {
  const hostile = '"><img src=x onerror="window.hurt=1"><script>window.hurt=1</script>';
  const about = Object.fromEntries(["experiment", "split", "checkpoint", "checkpoint_sha256", "projection"].map((key) => [key, hostile]));
  const page = await openFile("hostile.json", { ...POINTS, ...about, [hostile]: POINTS.labels, __proto__: { x: 1 } }, "&select=1");
  await page.locator(".near-row").first().waitFor();
  await page.locator("summary").click();
  assert.equal(await page.locator("#experiment").innerText(), hostile.slice(0, 200));
  assert(await page.title().then((title) => title.startsWith(hostile.slice(0, 50))));
  await page.getByLabel("Colour by").selectOption(hostile);
  assert.equal(await page.evaluate(() => /** @type {any} */ (window).hurt ?? document.querySelectorAll("img, .page script").length), 0);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 1280);
  expectNoProblems(page);
});

test("arrays that are not as the manifest has them are not shown", async () => {
  const { folder, file, pictures, points } = await copied();
  for (const name of [file, pictures]) {
    const bytes = await readFile(join(folder, name));
    await writeFile(join(folder, name), bytes.map((byte, i) => (i === bytes.length - 5 ? byte ^ 1 : byte)));
  }
  const page = await visit("");
  await expectPanel(page, `/changed/run/${points}`, "damaged", new RegExp(`^This cannot be shown\\s+${file} is damaged, or of another export: its hash is not the one in ${manifest}\\.`));
  assert(await page.locator(".stage > canvas").isHidden(), "the points are still there");
  // Images that are not are left out, and why is said.
  await cp(join(folders.artifacts, file), join(folder, file));
  await page.goto(`${server.origin}${PAGE}?data=/changed/run/${points}`);
  await page.waitForSelector("html[data-state=ready]");
  await page.locator(".notice").waitFor();
  assert.match(await page.locator(".notice").innerText(), new RegExp(`pictures are missing: ${pictures} is damaged, or of another export`));
  assert.equal(await page.evaluate(() => performance.getEntriesByName("pictures").length), 0);
  // The same files, and nobody who says what they should be.
  await rm(join(folder, manifest));
  await page.goto(`${server.origin}${PAGE}?data=/changed/run/${points}`);
  await page.waitForSelector("html[data-state=ready]");
  await page.waitForFunction(() => performance.getEntriesByName("pictures").length > 0);
  expectNoProblems(page, /404/);
});

test("thumbnails that break off: drawn, and the rest is told; arrays that do: the JSON file", async () => {
  const { folder, file, pictures, points } = await copied();
  await rm(join(folder, manifest), { force: true });
  server.holds.set(`/changed/run/${pictures}`, 700_000);
  const page = await visit(`?data=/changed/run/${points}`);
  await page.waitForSelector("html[data-state=ready]");
  server.cut();
  await page.locator(".notice").waitFor();
  assert.match(await page.locator(".notice").innerText(), /pictures are missing/);
  server.holds.clear();
  await writeFile(join(folder, file), (await readFile(join(folder, file))).subarray(0, 10_000));
  const plain = await visit(`?data=/changed/run/${points}`);
  await plain.locator(".notice").waitFor();
  assert.match(await plain.locator(".notice").innerText(), /JSON file was read/);
  await plain.waitForSelector("html[data-state=ready]");
  expectNoProblems(plain, /404/);
});

test("the config's number in front of the name is no obstacle", async () => {
  await write("plain_latent_points.json", POINTS);
  const page = await visit("?data=/changed/5_plain_latent_points.json");
  await page.waitForSelector("html[data-state=ready]");
  expectNoProblems(page, /404/);
});

test("without WebGL a panel says so; a lost context says so and comes back", async () => {
  const page = await visit(`?data=${real}`, (blank) =>
    blank.addInitScript(() => {
      const own = HTMLCanvasElement.prototype.getContext;
      HTMLCanvasElement.prototype.getContext = /** @type {any} */ (function (/** @type {any} */ kind, /** @type {any[]} */ ...rest) {
        return kind === "webgl2" ? null : own.call(this, kind, ...rest);
      });
    }),
  );
  await page.waitForSelector(".panel.error[data-code=no-webgl]");
  expectNoProblems(page);

  // Without names: they are on a canvas of their own, whose edges Chromium then draws a level lighter or darker.
  const lost = await visit(`?data=${real}&names=0`);
  await lost.waitForSelector("html[data-state=ready]");
  const before = await lost.locator(".stage > canvas").screenshot();
  await loseContext(lost);
  await lost.waitForSelector(".panel.error[data-code=context-lost]");
  await lost.waitForSelector(".panel.error", { state: "detached" });
  await lost.waitForTimeout(200);
  assert(before.equals(await lost.locator(".stage > canvas").screenshot()), "another picture than before");
});

test("a worker that cannot start is told", async () => {
  const page = await visit(`?data=${real}`, (blank) => blank.route("**/worker.js", (route) => route.abort()));
  await page.waitForSelector(".panel.error[data-code=host]");
  assert.match(await page.locator(".panel.error").innerText(), /worker could not be loaded[\s\S]*Reload/);
});

test("a script that does not run leaves words that say what to do", async () => {
  const html = await readFile(join(folders.repository, "grounding", "latent_space_viewer.html"), "utf8");
  assert(!/<script(?![^>]*src=)|style=|\son\w+=/.test(html), "inline script or style");
  const page = await visit("", (blank) => blank.route("**/viewer.js", (route) => route.abort()));
  await page.waitForFunction(() => getComputedStyle(/** @type {Element} */ (document.querySelector(".unstarted"))).visibility === "visible");
  assert.match(await page.locator(".unstarted").innerText(), /python -m http\.server[\s\S]*Node 20[\s\S]*pip install -e/);
});
