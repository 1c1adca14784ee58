/**
 * Python, onnxruntime and the page compute the same: augmented digit -> latent -> projection.
 *
 * GROUNDING_E2E_GOLDEN names what tools/chain_golden.py wrote for the artifacts; without it the
 * script is run here, by GROUNDING_PYTHON (python3).
 */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { build } from "esbuild";

import { expectNoProblems, findRun, folders, startBrowser, startServer } from "./harness.mjs";

/** @param {string} folder */
async function goldenFile(folder) {
  const given = process.env.GROUNDING_E2E_GOLDEN;
  if (given) return given;
  const target = join(folder, "golden.json");
  const script = join(folders.repository, "tools", "chain_golden.py");
  const environment = { ...process.env, PYTHONPATH: folders.repository, OMP_NUM_THREADS: "1" };
  const python = process.env.GROUNDING_PYTHON ?? "python3";
  await promisify(execFile)(python, [script, folders.artifacts, target], { env: environment });
  return target;
}

test("the page agrees with Python and onnxruntime from the augmented digit to its place", async () => {
  const site = await mkdtemp(join(tmpdir(), "grounding-golden-"));
  const server = await startServer({ "/": site, "/artifacts": folders.artifacts });
  const browser = await startBrowser();
  try {
    const golden = JSON.parse(await readFile(await goldenFile(site), "utf8"));
    await cp(folders.dist, site, { recursive: true });
    await cp(join(folders.web, "e2e", "smoke.html"), join(site, "smoke.html"));
    const entry = join(folders.web, "e2e", "smoke_page.js");
    await build({ entryPoints: [entry], outdir: site, bundle: true, format: "esm", logLevel: "warning" });
    const { assets, encoder, decoder } = await findRun(folders.artifacts);
    const page = await browser.newPage();
    await page.goto(`${server.origin}/smoke.html?assets=/artifacts/${assets}&encoder=/artifacts/${encoder}&decoder=/artifacts/${decoder}`);
    await page.waitForSelector("html[data-state=ready]");
    const found = await page.evaluate(async (cases) => {
      const { client, assets, augment, imageFields, NEUTRAL } = /** @type {any} */ (window);
      const size = assets.digitSamples.length / assets.digits;
      const answers = [];
      for (const { digit, sliders } of cases) {
        const sample = assets.digitSamples.slice(digit * size, (digit + 1) * size);
        const image = augment(sample, assets.imageShape, { ...NEUTRAL, ...sliders }, imageFields(1, size));
        const { latent, position, decoded } = await client.probe({ image });
        answers.push({ image: [...image], latent: [...latent], position, decoded: [...(await decoded)] });
      }
      return answers;
    }, golden.cases);
    assert(golden.cases.length >= 10);
    const worst = { image: 0, latent: 0, torch: 0, position: 0, decoded: 0 };
    /** @param {number[]} a @param {number[]} b */
    const apart = (a, b) => Math.max(...a.map((value, i) => Math.abs(value - b[i])));
    golden.cases.forEach((/** @type {any} */ wanted, /** @type {number} */ i) => {
      const got = found[i];
      // A latent larger than 1 counts relative to the largest.
      const unit = Math.max(1, ...wanted.latent.map(Math.abs));
      worst.image = Math.max(worst.image, apart(wanted.image, got.image));
      worst.latent = Math.max(worst.latent, apart(wanted.latent, got.latent) / unit);
      if (wanted.torchLatent) worst.torch = Math.max(worst.torch, apart(wanted.torchLatent, got.latent) / unit);
      worst.decoded = Math.max(worst.decoded, apart(wanted.decoded, got.decoded));
      // On a reference itself 1 / (d + 1e-6) turns rounding into distance: the chain starts off it.
      if (wanted.sliders.rotation || wanted.sliders.shiftX) worst.position = Math.max(worst.position, apart(wanted.position, got.position));
    });
    console.log(`# largest differences: ${JSON.stringify(worst)}; PyTorch ${golden.torch ? "in" : "left out"}`);
    assert(worst.image < 1e-5, `images ${worst.image}`);
    assert(worst.latent < 1e-4 && worst.torch < 1e-4, `latents ${worst.latent}, ${worst.torch}`);
    assert(worst.position < 1e-3, `projections ${worst.position}`);
    assert(worst.decoded < 1e-4, `reconstructions ${worst.decoded}`);
    expectNoProblems(page);
  } finally {
    await browser.close();
    await server.close();
    await rm(site, { recursive: true, force: true });
  }
});
