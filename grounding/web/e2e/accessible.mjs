/**
 * axe-core on a page: no violations.
 *
 *   await expectAccessible(page, "dark, with a dialog")
 */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { folders } from "./harness.mjs";

/** @typedef {import("./harness.mjs").WatchedPage} Page */

const AXE = join(folders.web, "node_modules", "axe-core", "axe.min.js");

/** @param {Page} page @param {string} what */
export async function expectAccessible(page, what) {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(await readFile(AXE, "utf8"));
  const found = await page.evaluate(async () => {
    const { violations } = await /** @type {any} */ (window).axe.run();
    return violations.map((/** @type {any} */ { id, nodes }) => `${id}: ${nodes.map((/** @type {any} */ node) => node.html.slice(0, 120)).join(" | ")}`);
  });
  assert.deepEqual(found, [], what);
}
