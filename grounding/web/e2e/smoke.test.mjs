/** Worker, models and cloud in a real Chromium, without any page of ours. */

import assert from "node:assert/strict";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { build } from "esbuild";

import { expectNoProblems, expectWebGL2, findRun, folders, startBrowser, startServer } from "./harness.mjs";

/** @type {string} */
let site;
/** @type {Awaited<ReturnType<typeof startServer>>} */
let server;
/** @type {Awaited<ReturnType<typeof startBrowser>>} */
let browser;
/** @type {string} */
let query;
/** With all that it asked for; most tests look at this one. @type {Awaited<ReturnType<typeof open>>} */
let page;

before(async () => {
  site = await mkdtemp(join(tmpdir(), "grounding-smoke-"));
  await cp(folders.dist, site, { recursive: true });
  await cp(join(folders.web, "e2e", "smoke.html"), join(site, "smoke.html"));
  const entry = join(folders.web, "e2e", "smoke_page.js");
  await build({ entryPoints: [entry], outdir: site, bundle: true, format: "esm", logLevel: "warning" });
  server = await startServer({ "/": site, "/artifacts": folders.artifacts });
  browser = await startBrowser();
  const { assets, encoder, decoder } = await findRun(folders.artifacts);
  query = `assets=/artifacts/${assets}&encoder=/artifacts/${encoder}&decoder=/artifacts/${decoder}`;
  page = await open(query);
});

after(async () => {
  await browser?.close();
  await server?.close();
  await rm(site, { recursive: true, force: true });
});

/** @param {string} search */
async function open(search) {
  const page = await browser.newPage();
  await page.goto(`${server.origin}/smoke.html?${search}`);
  await page.waitForSelector("html[data-state]");
  return page;
}

test("both models run, the probe lands among the references, the cloud is drawn", async () => {
  await expectWebGL2(page);
  assert.equal(await page.locator("html").getAttribute("data-state"), "ready");
  const found = await page.evaluate(async () => {
    const { probed, facts, path, assets } = /** @type {any} */ (window);
    const decoded = await probed.decoded;
    return {
      latent: probed.latent.length,
      decoded: [Math.min(...decoded), Math.max(...decoded), decoded.length],
      votes: probed.votes,
      weight: probed.weights.reduce((/** @type {number} */ sum, /** @type {number} */ w) => sum + w, 0),
      ascending: probed.distances.every((/** @type {number} */ d, /** @type {number} */ i) => !i || d >= probed.distances[i - 1]),
      facts,
      firstStep: [...path.straightPositions.slice(0, 3)],
      reference: [...assets.points.slice(0, 3)],
      drift: path.drift[0],
    };
  });
  assert.equal(found.latent, found.facts.encoder.latentDim);
  assert.deepEqual(found.facts.encoder.inputShape, [1, 28, 28]);
  assert.match(found.facts.encoder.checkpointSha256, /^[0-9a-f]{64}$/);
  assert.equal(found.decoded[2], 784);
  assert(found.decoded[0] >= 0 && found.decoded[1] <= 1 && found.decoded[1] > found.decoded[0]);
  assert(Math.abs(found.weight - 1) < 1e-9 && found.ascending);
  // The path starts in a reference, which its own projection hits.
  found.firstStep.forEach((value, axis) => assert(Math.abs(value - found.reference[axis]) < 1e-2));
  assert(found.drift > 0);

  const colours = await page.evaluate(async () => {
    const { cloud } = /** @type {any} */ (window);
    const picture = await createImageBitmap(await cloud.png());
    const canvas = new OffscreenCanvas(picture.width, picture.height);
    const pen = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
    pen.drawImage(picture, 0, 0);
    const { data } = pen.getImageData(0, 0, picture.width, picture.height);
    return new Set(new Uint32Array(data.buffer)).size;
  });
  assert(colours > 100, `${colours} colours on the stage`);
  if (process.env.GROUNDING_E2E_SCREENSHOTS) {
    await page.screenshot({ path: join(process.env.GROUNDING_E2E_SCREENSHOTS, "smoke.png") });
  }
  expectNoProblems(page);
});

test("what the page answers in place of the graphics process is what that would say", async () => {
  const answers = await page.evaluate(() => {
    const context = /** @type {WebGL2RenderingContext} */ (document.querySelector("canvas")?.getContext("webgl2"));
    const { getParameter } = WebGL2RenderingContext.prototype;
    return [context.SAMPLES, context.VERSION, context.SCISSOR_BOX, context.MAX_TEXTURE_SIZE].map((name) =>
      [context.getParameter(name), getParameter.call(context, name)].map((value) => String(value).slice(0, "WebGL 2.0".length)),
    );
  });
  for (const [here, there] of answers) assert.equal(here, there);
  assert.equal(answers[1][0], "WebGL 2.0");
  expectNoProblems(page);
});

test("nothing is drawn while nothing moves; a drag draws", async () => {
  const frames = () => page.evaluate(() => /** @type {any} */ (window).cloud.frames);
  await page.waitForTimeout(300);
  const before = await frames();
  await page.waitForTimeout(300);
  assert.equal(await frames(), before);
  await page.mouse.move(400, 300);
  await page.mouse.down();
  await page.mouse.move(480, 330, { steps: 4 });
  await page.mouse.up();
  await page.waitForTimeout(100);
  assert((await frames()) > before);
  expectNoProblems(page);
});

test("a mark moves, in the picture as well, and the points are not drawn again", async () => {
  await page.waitForTimeout(300);
  const found = await page.evaluate(async () => {
    const { cloud, assets } = /** @type {any} */ (window);
    const layer = /** @type {HTMLCanvasElement} */ (document.querySelector(".marks > canvas"));
    const mark = (/** @type {number} */ row) => {
      const position = [...assets.points.slice(3 * row, 3 * row + 3)];
      cloud.setMarkers([{ position, color: [255, 0, 0], size: 40, shape: "cross" }]);
      return new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve(layer.toDataURL()))));
    };
    cloud.setLines([]);
    const before = cloud.frames;
    const pictures = [await mark(0), await mark(5), await mark(0)];
    return { pictures, drawn: cloud.frames - before };
  });
  assert.equal(found.drawn, 0);
  assert.notEqual(found.pictures[0], found.pictures[1]);
  assert.equal(found.pictures[0], found.pictures[2]);
});

test("picking agrees with where three.js draws a point", async () => {
  // A lone marked point: the only saturated red pixels are around where project() says.
  const { asked, drawn } = await page.evaluate(async () => {
    const { cloud, project } = /** @type {any} */ (window);
    const place = [2, -7, -9];
    cloud.setLines([]);
    cloud.setPoints(new Float32Array([0, 0, 0]), [0]);
    cloud.setMarkers([{ position: place, color: [255, 0, 0], size: 30, shape: "disc" }]);
    const { matrix, width, height } = cloud.view();
    const asked = project(matrix, ...place, width, height);
    const picture = await createImageBitmap(await cloud.png());
    const canvas = new OffscreenCanvas(picture.width, picture.height);
    const pen = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
    pen.drawImage(picture, 0, 0);
    const { data } = pen.getImageData(0, 0, picture.width, picture.height);
    let [x, y, count] = [0, 0, 0];
    for (let i = 0; i < data.length; i += 4) {
      if (data[i] < 250 || data[i + 1] > 5) continue;
      x += (i / 4) % picture.width;
      y += Math.floor(i / 4 / picture.width);
      count++;
    }
    return { asked, drawn: { x: x / count + 0.5, y: y / count + 0.5 } };
  });
  assert(Math.hypot(asked.x - drawn.x, asked.y - drawn.y) < 0.5, JSON.stringify({ asked, drawn }));
});

test("a line has its width in pixels and ends at its points", async () => {
  const { from, to, red } = await page.evaluate(async () => {
    const { cloud, project } = /** @type {any} */ (window);
    const ends = [0, -6, -10, 2, -7, -9];
    cloud.setPoints(new Float32Array([50, 50, 50]), [0]);
    cloud.setMarkers([]);
    const colors = new Uint8Array([255, 0, 0, 255, 0, 0]);
    cloud.setLines([{ positions: new Float32Array(ends), colors, width: 6 }]);
    const { matrix, width, height } = cloud.view();
    const picture = await createImageBitmap(await cloud.png());
    const canvas = new OffscreenCanvas(picture.width, picture.height);
    const pen = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
    pen.drawImage(picture, 0, 0);
    const { data } = pen.getImageData(0, 0, picture.width, picture.height);
    let red = 0;
    for (let i = 0; i < data.length; i += 4) if (data[i] > 240 && data[i + 1] < 128) red++;
    return {
      from: project(matrix, ...ends.slice(0, 3), width, height),
      to: project(matrix, ...ends.slice(3), width, height),
      red,
    };
  });
  // A rectangle of 6 pixels, longer by half its width at either end.
  const wanted = 6 * (Math.hypot(from.x - to.x, from.y - to.y) + 6);
  assert(Math.abs(red - wanted) < 0.08 * wanted, `${red} red pixels, expected ${wanted}`);
});

test("a file that is not there is a readable panel", async () => {
  const page = await open(query.replace("assets=/artifacts/", "assets=/artifacts/nowhere_"));
  const panel = page.locator(".panel.error");
  assert.equal(await panel.getAttribute("data-code"), "missing");
  assert.match(await panel.innerText(), /nowhere_/);
});

test("another origin is refused before any request", async () => {
  const page = await open(query.replace("encoder=/", "encoder=https://example.org/"));
  assert.equal(await page.locator(".panel.error").getAttribute("data-code"), "url");
  expectNoProblems(page);
});
