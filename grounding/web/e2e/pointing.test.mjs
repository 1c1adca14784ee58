/** Pointing into the playground's cloud, its marker, its crosshair, and the bars of a latent. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { answered, expectNoProblems, PHONE } from "./harness.mjs";
import { address, answer, changes, expectAccessible, open, picture, prepare } from "./playground_site.mjs";

/** @typedef {import("./harness.mjs").WatchedPage} Page */

prepare();

/** Where the crosshair stands: on the marker, when it comes. @param {Page} page */
async function marker(page) {
  await page.keyboard.press("c");
  const box = await page.locator(".crosshair").boundingBox();
  await page.keyboard.press("Escape");
  assert(box);
  return { x: box.x, y: box.y };
}

test("what lies under the cursor is decoded beside it, and nothing where nothing is near", async () => {
  const page = await open("&digit=1");
  const { x, y } = await marker(page);
  await page.mouse.move(x, y);
  await answered(page);
  assert.match(await page.locator(".look").innerText(), /^(at|near) \d$/);
  const here = await picture(page, ".look canvas");
  await page.mouse.move(x + 25, y + 4);
  await answered(page);
  assert.notEqual(await picture(page, ".look canvas"), here);
  const stage = await page.locator(".stage > canvas").boundingBox();
  assert(stage);
  await page.mouse.move(stage.x + 3, stage.y + stage.height - 3);
  await page.locator(".look").waitFor({ state: "hidden" });
  await page.getByRole("button", { name: "Look" }).click();
  await page.mouse.move(x, y);
  await answered(page);
  assert(await page.locator(".look").isHidden());
  await address(page, /look=0/);
  expectNoProblems(page);
});

test("the marker is dragged: picture and neighbours follow, the link shows it again, back takes it back", async () => {
  const page = await open("&digit=1");
  const first = await answer(page);
  const { x, y } = await marker(page);
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(x + 60, y - 10, { steps: 4 });
  await page.mouse.up();
  await answered(page);
  await address(page, /place=/);
  assert(!(await page.evaluate(() => location.search)).includes("camera="), "the cloud was turned");
  await page.waitForTimeout(400); // a drag is written to the address once it has paused
  const there = await answer(page);
  assert.notEqual(there, first);
  assert.match(await page.locator(".previews").innerText(), /D\(z\)\s*from a place in the cloud/);
  const search = await page.evaluate(() => location.search);
  await page.goBack();
  await answered(page);
  assert.equal(await answer(page), first);
  await open(`&${search.split("&").filter((part) => /^(place|digit)=/.test(part)).join("&")}`);
  assert.equal(await answer(page), there);
  expectNoProblems(page);
});

test("by the keyboard: Enter takes what the crosshair is on, Escape leaves everything as it was", async () => {
  const page = await open("&digit=1");
  const first = await answer(page);
  await page.locator(".stage > canvas").focus();
  await page.keyboard.press("c");
  for (let i = 0; i < 4; i++) await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Shift+ArrowUp");
  await page.keyboard.press("Escape");
  assert(await page.locator(".crosshair").isHidden());
  assert.equal(await answer(page), first);
  await page.keyboard.press("c");
  for (let i = 0; i < 4; i++) await page.keyboard.press("ArrowRight");
  await answered(page);
  const seen = await picture(page, ".look canvas");
  await changes(page, () => page.keyboard.press("Enter"));
  await answered(page);
  assert.equal(await picture(page, ".preview:nth-child(3) canvas"), seen);
  await page.locator(".latent summary").click();
  await changes(page, () => page.getByRole("button", { name: "Back to the input" }).click());
  assert.equal(await answer(page), first);
  await page.locator(".latent summary").click();
  expectNoProblems(page);
});

test("bars move z along the principal axes; the flow and the slice begin there, too", async () => {
  const page = await open("&digit=1");
  await page.locator(".latent summary").click();
  const bars = page.locator(".latent-bars input");
  assert((await bars.count()) >= 2);
  const start = await bars.nth(0).inputValue();
  const unmoved = await picture(page, ".preview:nth-child(3) canvas");
  await bars.nth(0).focus();
  for (let i = 0; i < 10; i++) await page.keyboard.press("ArrowRight");
  await answered(page);
  assert(Math.abs(Number(await bars.nth(0).inputValue()) - Number(start) - 0.5) < 0.051);
  assert.notEqual(await picture(page, ".preview:nth-child(3) canvas"), unmoved);
  assert.match(await page.locator(".previews").innerText(), /moved along its axes/);
  await address(page, /axes=0_0\.\d+/);
  const moved = await picture(page, ".preview:nth-child(3) canvas");
  await page.getByRole("button", { name: "Slice" }).click();
  await answered(page);
  assert.equal(await picture(page, ".slice-here canvas"), moved);
  assert.match(await page.locator(".slice-words").innerText(), /moved along its axes/);
  await page.getByRole("button", { name: "Probe" }).click();
  await answered(page);
  assert.equal(await picture(page, ".preview:nth-child(3) canvas"), moved);
  await page.getByRole("button", { name: "Back to the input" }).click();
  await answered(page);
  assert.equal(await bars.nth(0).inputValue(), start);
  await page.locator(".latent summary").click();
  expectNoProblems(page);
});

for (const [name, options] of /** @type {[string, import("playwright-core").BrowserContextOptions][]} */ ([
  ["dark", { colorScheme: "dark", reducedMotion: "reduce" }],
  ["phone", PHONE],
])) {
  test(`crosshair and bars: no accessibility violations, large enough for fingers: ${name}`, async () => {
    const page = await open("&axes=1_1.5", options);
    await page.locator(".latent summary").click();
    await page.getByRole("button", { name: "Crosshair" }).click();
    await answered(page);
    await expectAccessible(page, name);
    if (name === "phone") {
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
      for (const button of ["Crosshair", "Look", "Take"]) assert(((await page.getByRole("button", { name: button, exact: true }).boundingBox())?.height ?? 0) >= 40, button);
      await changes(page, async () => {
        const stage = await page.locator(".stage > canvas").boundingBox();
        assert(stage);
        /** @param {number} dx @returns {any} */
        const at = (dx) => ({ clientX: stage.x + 80 + dx, clientY: stage.y + 120, pointerId: 7, pointerType: "touch", isPrimary: true, bubbles: true });
        const canvas = page.locator(".stage > canvas");
        // A finger moves the crosshair by as much as it moves itself, wherever it is.
        await canvas.evaluate((node, events) => {
          node.setPointerCapture = () => undefined;
          for (const [type, init] of events) node.dispatchEvent(new PointerEvent(type, init));
        }, [["pointerdown", at(0)], ["pointermove", at(12)], ["pointermove", at(30)], ["pointerup", at(30)]]);
        await page.getByRole("button", { name: "Take" }).click();
      });
    }
    await page.keyboard.press("Escape");
    expectNoProblems(page);
  });
}
