/**
 * Arrays files as Python writes them, and the agreement of the page's encoder with Python's:
 * a reference's thumbnail must encode to that reference's latent.
 */

import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { build } from "esbuild";

import { expectNoProblems, findRun, folders, startBrowser, startServer } from "./harness.mjs";

/** @type {string} */
let site;
/** @type {string} */
let changed;
/** @type {Awaited<ReturnType<typeof startServer>>} */
let server;
/** @type {Awaited<ReturnType<typeof startBrowser>>} */
let browser;
/** @type {Awaited<ReturnType<typeof findRun>>} */
let run;

before(async () => {
  site = await mkdtemp(join(tmpdir(), "grounding-arrays-"));
  changed = await mkdtemp(join(tmpdir(), "grounding-changed-"));
  await cp(folders.dist, site, { recursive: true });
  await cp(join(folders.web, "e2e", "smoke.html"), join(site, "smoke.html"));
  const entry = join(folders.web, "e2e", "smoke_page.js");
  await build({ entryPoints: [entry], outdir: site, bundle: true, format: "esm", logLevel: "warning" });
  run = await findRun(folders.artifacts);
  server = await startServer({ "/": site, "/artifacts": folders.artifacts, "/changed": changed });
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await server?.close();
  for (const folder of [site, changed]) await rm(folder, { recursive: true, force: true });
});

const arraysName = () => run.assets.replace(/\.json$/, ".safetensors");

/** @param {string} folder */
async function open(folder) {
  const page = await browser.newPage();
  const models = `encoder=/artifacts/${run.encoder}&decoder=/artifacts/${run.decoder}`;
  await page.goto(`${server.origin}/smoke.html?assets=/${folder}/${run.assets}&${models}`);
  await page.waitForSelector("html[data-state=ready]");
  return page;
}

test("thumbnails encode to the latents that Python wrote, and land on their places", async () => {
  const page = await open("artifacts");
  const worst = await page.evaluate(async () => {
    const { client, assets } = /** @type {any} */ (window);
    const { thumbnails, rawLatents, latentDim, points, count } = assets;
    await thumbnails.complete;
    const pixels = thumbnails.data.length / count;
    let [latent, place] = [0, 0];
    for (let row = 0; row < count; row += 97) {
      const image = Float32Array.from(thumbnails.data.subarray(row * pixels, (row + 1) * pixels), (byte) => byte / 255);
      const probed = await client.probe({ image });
      probed.latent.forEach((/** @type {number} */ value, /** @type {number} */ i) => {
        latent = Math.max(latent, Math.abs(value - rawLatents[row * latentDim + i]));
      });
      if (probed.distances[0] > 1e-5) continue;
      probed.position.forEach((/** @type {number} */ value, /** @type {number} */ axis) => {
        place = Math.max(place, Math.abs(value - points[3 * probed.indices[0] + axis]));
      });
    }
    return { latent, place };
  });
  assert(worst.latent < 1e-4, `latents differ by ${worst.latent}`);
  // At a distance of 1e-5 the other neighbours still pull a little: weights are 1 / (d + 1e-6).
  assert(worst.place < 0.1, `places differ by ${worst.place}`);
  expectNoProblems(page);
});

test("the arrays file is read when the JSON names one", async () => {
  const page = await open("artifacts");
  const found = await page.evaluate(() => {
    const { assets } = /** @type {any} */ (window);
    return { bytes: assets.thumbnails.data.length, count: assets.count };
  });
  assert.equal(found.bytes, found.count * 784);
  assert(server.requests.includes(`/artifacts/${arraysName()}`));
});

test("a broken arrays file: the JSON does, and a quiet line says so", async () => {
  const json = await readFile(join(folders.artifacts, run.assets));
  await writeFile(join(changed, run.assets), json);
  await writeFile(join(changed, arraysName()), "no safetensors, but nonsense");
  const page = await open("changed");
  const found = await page.evaluate(() => {
    const { assets, notices } = /** @type {any} */ (window);
    return { thumbnails: assets.thumbnails, count: assets.count, notices };
  });
  assert.equal(found.thumbnails, null);
  assert(found.count > 0);
  assert.match(found.notices.join(), /arrays file is broken/);
  expectNoProblems(page);
});

test("a file of an earlier version, with an arrays file of its own kind: the JSON does, without a word", async () => {
  const { arrays, ...plain } = JSON.parse(await readFile(join(folders.artifacts, run.assets), "utf8"));
  assert(arrays, "the assets name no arrays file");
  const file = run.assets.replace(/\.json$/, ".bin");
  await writeFile(join(changed, file), "GRNDBIN1");
  await writeFile(join(changed, run.assets), JSON.stringify({ companion: { file, id: "0", bytes: 8 }, ...plain }));
  const page = await open("changed");
  const found = await page.evaluate(() => {
    const { assets, notices } = /** @type {any} */ (window);
    return { thumbnails: assets.thumbnails, count: assets.count, notices };
  });
  assert.equal(found.thumbnails, null);
  assert.equal(found.count, plain.reference_points.length);
  assert.deepEqual(found.notices, []);
  assert(!server.requests.includes(`/changed/${file}`));
  expectNoProblems(page);
});
