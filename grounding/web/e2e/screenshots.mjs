/**
 * Draws the pictures of both pages for the README.
 *
 *   node screenshots.mjs FOLDER EXPERIMENT     writes viewer.png and playground.png
 *
 * The outputs of the experiment come from GROUNDING_E2E_ARTIFACTS, by default from artifacts/ in
 * the repository: `grounding run --config 6` makes them.
 */

import assert from "node:assert/strict";
import { join, resolve } from "node:path";

import { expectNoProblems, folders, startBrowser, startServer } from "./harness.mjs";

const [folder, experiment] = process.argv.slice(2);
assert(folder && experiment, "usage: node screenshots.mjs FOLDER EXPERIMENT");

const assets = `/artifacts/${experiment}_test_interactive_assets.json`;
const models = `encoder=/artifacts/${experiment}_encoder.onnx&decoder=/artifacts/${experiment}_decoder.onnx`;
/** @type {Record<string, string>} */
const PICTURES = {
  viewer: `latent_space_viewer.html?data=/artifacts/${experiment}_test_latent_points.json&select=12&theme=light`,
  playground: `interactive_latent_playground.html?assets=${assets}&${models}&digit=6&rotation=12&noise=0.05&theme=light`,
};
const server = await startServer({ "/": folders.repository, "/artifacts": folders.artifacts });
const browser = await startBrowser();
try {
  for (const [name, address] of Object.entries(PICTURES)) {
    const page = await browser.newPage({ viewport: { width: 1280, height: 760 } });
    await page.goto(`${server.origin}/grounding/${address}`);
    await page.waitForSelector("html[data-state=ready]");
    await page.waitForTimeout(1500);
    expectNoProblems(page);
    await page.screenshot({ path: resolve(join(folder, `${name}.png`)) });
    await page.context().close();
  }
} finally {
  await browser.close();
  await server.close();
}
