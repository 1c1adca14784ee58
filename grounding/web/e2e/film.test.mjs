/** The training as a film in the viewer, in a real Chromium: on the run's points, at three checkpoints made here. */

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { expectAccessible } from "./accessible.mjs";
import { writeFilm } from "./film_file.mjs";
import { expectNoProblems, findRun, folders, nextFrame, PHONE, startBrowser, startServer } from "./harness.mjs";

/** @type {Awaited<ReturnType<typeof startServer>>} */
let server;
/** @type {Awaited<ReturnType<typeof startBrowser>>} */
let browser;
/** @type {string} */
let made;
let address = "";

before(async () => {
  made = await mkdtemp(join(tmpdir(), "grounding-film-"));
  server = await startServer({ "/": folders.repository, "/artifacts": folders.artifacts, "/made": made });
  browser = await startBrowser();
  const run = await findRun(folders.artifacts);
  const points = JSON.parse(await readFile(join(folders.artifacts, run.points), "utf8"));
  await writeFilm(made, points, points.checkpoint_sha256);
  address = `${server.origin}/grounding/latent_space_viewer.html?data=/artifacts/${run.points}&film=/made/a_film.json`;
});
after(async () => {
  await browser?.close();
  await server?.close();
  await rm(made, { recursive: true, force: true });
});

for (const [name, options] of /** @type {[string, import("playwright-core").BrowserContextOptions][]} */ ([
  ["desktop", {}],
  ["phone, dark, reduced motion", { ...PHONE, colorScheme: "dark", reducedMotion: "reduce" }],
  ["forced colours", { forcedColors: "active" }],
])) {
  test(`the film opens, moves points and images, and closes: ${name}`, async () => {
    const page = await browser.newPage(options);
    await page.goto(address);
    await page.waitForSelector("html[data-state=ready]");
    await page.getByRole("button", { name: "Show the training" }).click();
    const slider = page.getByRole("slider", { name: "Epoch" });
    await slider.waitFor();
    assert.match(await page.locator(".training-words").innerText(), /^Epoch 10 of 10 · loss 0.100 · validation 0.200$/);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), page.viewportSize()?.width);
    await expectAccessible(page, name);
    const canvas = page.locator(".stage > canvas");
    const last = await canvas.screenshot();
    await slider.focus();
    await page.keyboard.press("Home");
    await page.waitForFunction(() => /[?&]epoch=2(&|$)/.test(location.search));
    assert.match(await page.locator(".training-words").innerText(), /^Epoch 2 of 10/);
    assert.notDeepEqual(await canvas.screenshot(), last);
    const shade = () =>
      page.locator(".training-pictures canvas").last().evaluate((one) => /** @type {HTMLCanvasElement} */ (one).getContext("2d")?.getImageData(1, 1, 1, 1).data[0]);
    await nextFrame(page);
    assert.equal(await shade(), 0, "the first image at the first checkpoint");
    await page.locator(".training-strip button").nth(1).click();
    await nextFrame(page);
    assert.equal(await shade(), 80);
    await page.getByRole("button", { name: "Play" }).click();
    await page.waitForFunction(() => document.querySelector(".training-words")?.textContent?.startsWith("Epoch 10"), null, { timeout: 10_000 });
    await page.getByRole("button", { name: "Close the film" }).first().click();
    assert.equal(await page.locator(".training").count(), 0);
    assert(!new URL(page.url()).searchParams.has("epoch"));
    await page.goBack();
    await slider.waitFor();
    expectNoProblems(page);
    await page.context().close();
  });
}

test("a film of another checkpoint is told beside its button", async () => {
  const run = await findRun(folders.artifacts);
  const points = JSON.parse(await readFile(join(folders.artifacts, run.points), "utf8"));
  await writeFilm(made, points, "0".repeat(64));
  const page = await browser.newPage();
  await page.goto(`${address}&epoch=3`);
  await page.getByText(/ends with another checkpoint.*grounding film --config/).waitFor();
  assert.equal(await page.locator(".training").count(), 0);
  expectNoProblems(page);
  await page.context().close();
});
