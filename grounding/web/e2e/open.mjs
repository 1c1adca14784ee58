/**
 * Opens a site's index as a reader would and follows its links to the pages.
 *
 *   node open.mjs http://127.0.0.1:8000/ [folder for screenshots]
 *
 * Or both pages by their addresses, where there is no index:
 *
 *   node open.mjs --pages ADDRESS ...
 *
 * Fails if a page shows an error, says anything on the console or asks another origin.
 */

import assert from "node:assert/strict";
import { join } from "node:path";

import { expectNoProblems, expectWebGL2, startBrowser } from "./harness.mjs";

const [first, ...rest] = process.argv.slice(2);
assert(first, "an address is missing");
const browser = await startBrowser();
try {
  const addresses = first === "--pages" ? rest : await linksOf(first);
  assert(addresses.length >= 2, `links to pages: ${addresses}`);
  for (const address of addresses) {
    const page = await browser.newPage();
    await page.goto(address);
    await page.waitForSelector("html[data-state=ready], html[data-state=error]", { timeout: 30_000 });
    const panel = await page.locator(".panel.error").allTextContents();
    assert.deepEqual(panel, [], address);
    await expectWebGL2(page);
    expectNoProblems(page);
    if (first !== "--pages" && rest[0]) {
      await page.screenshot({ path: join(rest[0], `${addresses.indexOf(address)}.png`) });
    }
    console.log(`opened ${address}`);
    await page.context().close();
  }
} finally {
  await browser.close();
}

/** @param {string} address of an index @returns {Promise<string[]>} */
async function linksOf(address) {
  const page = await browser.newPage();
  await page.goto(address);
  const links = await page.locator("a[href*='.html?']").evaluateAll((anchors) =>
    anchors.map((anchor) => /** @type {HTMLAnchorElement} */ (anchor).href),
  );
  expectNoProblems(page);
  await page.context().close();
  return links;
}
