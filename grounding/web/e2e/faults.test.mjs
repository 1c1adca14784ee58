/** What a reader stumbles over: going back, keys, low windows, broken transfers, bad addresses. In a real Chromium. */

import assert from "node:assert/strict";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { answered, expectNoProblems, findRun, folders, nextFrame, startBrowser, startServer } from "./harness.mjs";

/** @typedef {import("./harness.mjs").WatchedPage} Page */

/** @type {Awaited<ReturnType<typeof startServer>>} */
let server;
/** @type {Awaited<ReturnType<typeof startBrowser>>} */
let browser;
/** @type {Awaited<ReturnType<typeof findRun>>} */
let run;
/** @type {string} */
let changed;

before(async () => {
  run = await findRun(folders.artifacts);
  changed = await mkdtemp(join(tmpdir(), "grounding-faults-"));
  // Without its manifest, the pictures come in after everything else.
  for (const file of [run.points, run.points.replace(".json", ".safetensors"), run.points.replace(".json", "_thumbnails.safetensors")]) await cp(join(folders.artifacts, file), join(changed, file));
  server = await startServer({ "/": folders.repository, "/artifacts": folders.artifacts, "/changed": changed });
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await server?.close();
  await rm(changed, { recursive: true, force: true });
});

/** @param {string} more @param {Parameters<typeof browser.newPage>[0]} [options] */
async function playground(more, options) {
  const page = await browser.newPage(options);
  await page.goto(`${server.origin}/grounding/interactive_latent_playground.html?assets=/artifacts/${run.assets}&encoder=/artifacts/${run.encoder}&decoder=/artifacts/${run.decoder}${more}`);
  await page.waitForSelector("html[data-state=ready]");
  await answered(page);
  return page;
}
/** @param {string} file @param {Parameters<typeof browser.newPage>[0]} [options] */
async function viewer(file, options) {
  const page = await browser.newPage(options);
  await page.goto(`${server.origin}/grounding/latent_space_viewer.html?data=${file}`);
  return page;
}
/** @param {Page} page @param {string} name */
const valueOf = (page, name) => page.locator(`input[name=${name}]`).inputValue();

test("one drag of a slider is one step back, and so are keys that follow each other", async () => {
  const page = await playground("");
  const box = await page.locator("input[name=rotation]").boundingBox();
  assert(box);
  const middle = box.y + box.height / 2;
  await page.mouse.move(box.x + box.width / 2, middle);
  await page.mouse.down();
  for (let i = 1; i <= 12; i++) await page.mouse.move(box.x + box.width / 2 + 3 * i, middle);
  await page.mouse.up();
  const turned = await valueOf(page, "rotation");
  assert(Number(turned) > 20, turned);
  await page.locator("input[name=noise]").focus();
  for (let i = 0; i < 5; i++) await page.keyboard.press("ArrowRight");
  assert.equal(await valueOf(page, "noise"), "0.05");
  assert(await page.getByRole("button", { name: "Re-roll" }).isEnabled());
  await page.goBack();
  await answered(page);
  assert.deepEqual([await valueOf(page, "noise"), await valueOf(page, "rotation")], ["0", turned]);
  assert(await page.getByRole("button", { name: "Re-roll" }).isDisabled(), "it would change nothing");
  await page.goBack();
  await answered(page);
  assert.equal(await valueOf(page, "rotation"), "0");
  await page.goForward();
  await answered(page);
  assert.equal(await valueOf(page, "rotation"), turned);
  expectNoProblems(page);
  await page.context().close();
});

test("the strip of pictures is dragged, Enter plays, Esc closes what is open", async () => {
  const page = await playground("&mode=interpolate");
  const box = await page.locator(".film .strip").first().boundingBox();
  assert(box);
  await page.mouse.move(box.x + 5, box.y + 10);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.8, box.y + 10, { steps: 6 });
  await page.mouse.up();
  const t = Number(await page.locator("input.t").inputValue());
  assert(t > 0.75 && t < 0.9, String(t));
  await page.goBack();
  await answered(page);
  assert.equal(await page.locator("input.t").inputValue(), "0.5");
  await page.evaluate(() => /** @type {HTMLElement} */ (document.activeElement)?.blur());
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Pause" }).waitFor();
  await page.getByRole("button", { name: "Probe" }).click();
  await page.locator(".neighbor").first().click();
  assert(await page.locator(".card").isVisible());
  await page.keyboard.press("Escape");
  assert(await page.locator(".card").isHidden());
  expectNoProblems(page);
  await page.context().close();
});

test("stage and controls are in view together in low windows and at 200 %", async () => {
  const page = await playground("");
  for (const [width, height] of [[960, 540], [640, 400]]) {
    await page.setViewportSize({ width, height });
    await nextFrame(page);
    for (const part of [".stage", ".dock", ".modes", ".readouts"]) {
      const box = await page.locator(part).boundingBox();
      assert(box && box.y >= 0 && box.y + Math.min(box.height, 40) <= height && box.x + box.width <= width + 1, `${part} at ${width} × ${height}: ${JSON.stringify(box)}`);
    }
    assert(await page.evaluate(() => document.documentElement.scrollHeight <= innerHeight), "the page does not scroll");
  }
  assert(((await page.locator(".stage").boundingBox())?.height ?? 0) > 150);
  await page.context().close();
});

test("a class that is not there is named, and nothing pales; nor does an empty box", async () => {
  const page = await viewer(`/artifacts/${run.points}&isolate=77&dim=78`);
  await page.waitForSelector("html[data-state=ready]");
  assert.match(await page.locator(".notice").innerText(), /classes that these points do not have: 78, 77/);
  assert.equal(await page.locator(".legend-class[aria-pressed=false]").count(), 0);
  await page.getByRole("button", { name: "Box", exact: true }).click();
  const stage = await page.locator(".stage").boundingBox();
  assert(stage);
  await page.mouse.move(stage.x + 5, stage.y + stage.height - 60);
  await page.mouse.down();
  await page.mouse.move(stage.x + 25, stage.y + stage.height - 50, { steps: 3 });
  await page.mouse.up();
  assert.match(await page.locator(".selection").innerText(), /No point lies in it/);
  assert(await page.locator(".selection").getByRole("button", { name: "Clear" }).isHidden());
  expectNoProblems(page);
  await page.context().close();
});

test("pictures that broke off are read again when asked", async () => {
  const name = run.points.replace(".json", "_thumbnails.safetensors");
  const file = `/changed/${name}`;
  const whole = statSync(join(changed, name)).size;
  server.holds.set(file, Math.floor(whole * 0.8));
  const page = await viewer(`/changed/${run.points}&select=3`);
  await page.waitForSelector("html[data-state=ready]");
  await page.waitForTimeout(300);
  server.cut();
  const notice = page.locator(".notice");
  await notice.waitFor();
  assert.match(await notice.innerText(), /Some pictures are missing/);
  assert(await page.getByText(/^Pictures: /).isHidden());
  server.holds.clear();
  await notice.getByRole("button", { name: "Try again" }).click();
  await page.waitForFunction(() => performance.getEntriesByName("pictures").length === 1);
  assert.equal(await notice.count(), 0);
  await page.context().close();
});

test("the stage is light until the drawing code has come, which the panel waits for", async () => {
  server.holds.set("/grounding/web/dist/three.js", 1000);
  const page = await viewer(`/artifacts/${run.points}`);
  await page.locator(".panel.loading").waitFor();
  await page.waitForFunction(() => /Points\s*here/.test(/** @type {HTMLElement} */ (document.querySelector(".loading-rows")).innerText));
  assert.match(await page.locator(".loading-rows").innerText(), /Drawing\s+waiting/);
  const shot = await page.screenshot({ clip: { x: 30, y: 700, width: 4, height: 4 } });
  const shade = await page.evaluate(async (base64) => {
    const bitmap = await createImageBitmap(new Blob([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))]));
    const pen = /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));
    pen.drawImage(bitmap, 0, 0);
    return [...pen.getImageData(1, 1, 1, 1).data];
  }, shot.toString("base64"));
  assert(shade[0] > 240, `${shade}`);
  server.holds.clear();
  server.cut();
  await page.context().close();
});

test("a screen of other density has the stage drawn anew", async () => {
  const page = await browser.newPage();
  // Emulated, another density is there without the event that a real screen brings.
  await page.addInitScript(() => {
    const real = matchMedia;
    const own = /** @type {any} */ (window);
    own.matchMedia = (/** @type {string} */ query) => (query.includes("resolution") ? (own.density = new EventTarget()) : real(query));
  });
  await page.goto(`${server.origin}/grounding/latent_space_viewer.html?data=/artifacts/${run.points}`);
  await page.waitForSelector("html[data-state=ready]");
  const session = await page.context().newCDPSession(page);
  for (const density of [2, 1.5]) {
    await session.send("Emulation.setDeviceMetricsOverride", { width: 1280, height: 800, deviceScaleFactor: density, mobile: false });
    await page.waitForFunction((wanted) => devicePixelRatio === wanted, density);
    const drawn = await page.evaluate(() => {
      /** @type {any} */ (window).density.dispatchEvent(new Event("change"));
      const canvas = /** @type {HTMLCanvasElement} */ (document.querySelector(".stage > canvas"));
      return canvas.width / canvas.clientWidth;
    });
    assert(Math.abs(drawn - density) < 0.01, String(drawn));
  }
  await page.context().close();
});
