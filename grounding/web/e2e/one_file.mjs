/**
 * Opens pages that are one file each, from disk and without a network.
 *
 *   node one_file.mjs FILE.html ...
 *
 * Fails if a page shows an error, does not move, forgets its state, says anything on the console or
 * asks for anything.
 */

import assert from "node:assert/strict";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { answered, expectNoProblems, expectWebGL2, startBrowser } from "./harness.mjs";

const browser = await startBrowser();
try {
  for (const file of process.argv.slice(2)) {
    const page = await browser.newPage();
    await page.context().setOffline(true);
    /** @type {string[]} */
    const asked = [];
    page.on("request", (request) => request.url().startsWith("file:") || request.url().startsWith("data:") || request.url().startsWith("blob:") || asked.push(request.url()));
    const address = pathToFileURL(resolve(file)).href;
    await page.goto(address);
    await page.waitForSelector("html[data-state=ready], html[data-state=error]", { timeout: 60_000 });
    assert.deepEqual(await page.locator(".panel.error, .notice").allTextContents(), [], file);
    await expectWebGL2(page);
    if (await page.locator(".augmentation").count()) {
      await answered(page);
      const before = await page.locator(".neighbors").innerText();
      await page.locator("input[name=rotation]").focus();
      await page.keyboard.press("End");
      await answered(page);
      assert.notEqual(await page.locator(".neighbors").innerText(), before, "the model answers");
      await page.waitForFunction(() => location.hash.includes("rotation=180"));
      await page.reload();
      await page.waitForSelector("html[data-state=ready]", { timeout: 60_000 });
      assert.equal(await page.locator("input[name=rotation]").inputValue(), "180", "the address holds the state");
    } else {
      await page.locator(".stage > canvas").focus();
      await page.keyboard.press("Enter");
      await page.locator(".chosen").waitFor();
    }
    assert.deepEqual(asked, []);
    expectNoProblems(page, /foreign request: file:/);
    console.log(`opened ${file}`);
    await page.context().close();
  }
} finally {
  await browser.close();
}
