/**
 * Draws the pictures of both pages for the README.
 *
 *   node screenshots.mjs FOLDER EXPERIMENT [NAME ...]   writes viewer.png, playground.png, flow.png and
 *                                                       slice.png, or those that are named
 *
 * The outputs of the experiment come from GROUNDING_E2E_ARTIFACTS, by default from artifacts/ in
 * the repository: `grounding run --config 7` makes them.
 */

import assert from "node:assert/strict";
import { join, resolve } from "node:path";

import { expectNoProblems, folders, startBrowser, startServer } from "./harness.mjs";

const [folder, experiment, ...only] = process.argv.slice(2);
assert(folder && experiment, "usage: node screenshots.mjs FOLDER EXPERIMENT [NAME ...]");

const assets = `/artifacts/${experiment}_test_interactive_assets.json`;
const models = `encoder=/artifacts/${experiment}_encoder.onnx&decoder=/artifacts/${experiment}_decoder.onnx`;
const playground = `interactive_latent_playground.html?assets=${assets}&${models}&theme=light`;
/** @type {Record<string, string>} */
const PICTURES = {
  viewer: `latent_space_viewer.html?data=/artifacts/${experiment}_test_latent_points.json&select=12&theme=light`,
  playground: `${playground}&digit=6&rotation=12&noise=0.05`,
  flow: `${playground}&mode=flow&digit=4&steps=5&color=basin`,
  slice: `${playground}&mode=slice&plane=points&digit=4`,
};
const server = await startServer({ "/": folders.repository, "/artifacts": folders.artifacts });
const browser = await startBrowser();
try {
  for (const [name, address] of Object.entries(PICTURES)) {
    if (only.length && !only.includes(name)) continue;
    const page = await browser.newPage({ viewport: name === "slice" ? { width: 1200, height: 660 } : { width: 1280, height: 760 } });
    await page.goto(`${server.origin}/grounding/${address}`);
    await page.waitForSelector("html[data-state=ready]");
    if (name === "flow") await page.waitForSelector(".attractor-label");
    if (name === "slice") await page.getByText("nearest after 20 steps").waitFor({ timeout: 120_000 });
    await page.waitForTimeout(1500);
    expectNoProblems(page);
    await page.screenshot({ path: resolve(join(folder, `${name}.png`)) });
    await page.context().close();
  }
} finally {
  await browser.close();
  await server.close();
}
