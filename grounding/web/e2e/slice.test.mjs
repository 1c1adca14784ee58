/** The playground cuts slices through the latent space, in a real Chromium, on a really trained run. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { answered, expectNoProblems } from "./harness.mjs";
import { address, open, picture, prepare } from "./playground_site.mjs";

/** @typedef {import("./harness.mjs").WatchedPage} Page */

prepare();

/** @param {Page} page */
const sliced = (page) => page.waitForFunction(() => /nearest after 20 steps/.test(document.querySelector(".side")?.textContent ?? ""), null, { timeout: 60_000 });
const DECODED = ".slice-here canvas";

test("a slice: pictures, colours and arrows; a click and arrow keys choose a point, which can flow", async () => {
  const page = await open("&mode=slice&digit=4");
  await sliced(page);
  const whole = await picture(page, ".slice-picture");
  for (const layer of ["Pictures", "Where they end, as colour", "One step of f, as arrows"]) {
    await page.getByLabel(layer, { exact: true }).uncheck();
    assert.notEqual(await picture(page, ".slice-picture"), whole, layer);
    await page.getByLabel(layer, { exact: true }).check();
    assert.equal(await picture(page, ".slice-picture"), whole, layer);
  }
  assert.match(await page.locator(".slice-words").innerText(), /is digit sample 4\. It lies off this plane, by [\d.]+ of/);
  const before = await picture(page, DECODED);
  const box = await page.locator(".slice-picture").boundingBox();
  assert(box);
  await page.mouse.click(box.x + 0.9 * box.width, box.y + 0.1 * box.height);
  await page.waitForFunction(() => document.querySelector(".slice-words")?.textContent?.includes("lies on the plane"));
  assert.notEqual(await picture(page, DECODED), before);
  await address(page, /at=[\d.]+_[\d.]+/);
  const [x, y] = (new URL(page.url()).searchParams.get("at") ?? "").split("_").map(Number);
  await page.locator(".slice-picture").focus();
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("ArrowLeft");
  await page.waitForFunction((was) => Number(new URLSearchParams(location.search).get("at")?.split("_")[0]) < was - 1e-9, x);
  assert.equal(Number(new URL(page.url()).searchParams.get("at")?.split("_")[1]), y);
  await answered(page);
  const chosen = await picture(page, DECODED);
  await page.getByRole("button", { name: "Let it flow from here" }).click();
  await page.waitForFunction(() => document.querySelector(".flow-live")?.textContent);
  assert.match(await page.locator(".flow-live").innerText(), /^A point of the slice: /);
  assert.equal(await picture(page, ".flow-cell:first-child canvas"), chosen);
  await page.getByRole("button", { name: "Slice", exact: true }).click();
  await page.getByRole("button", { name: "Take as input" }).click();
  await answered(page);
  assert.equal(await picture(page, ".preview:nth-child(1) canvas"), chosen);
  expectNoProblems(page);
});

test("a slice through three points has each of them in its place, and the way between two is straight", async () => {
  const page = await open("&mode=slice&plane=points&from=3&to=40&third=7&at=0_0");
  await sliced(page);
  await answered(page);
  const nearest = () => page.locator(".neighbor").first().innerText();
  assert.match(await nearest(), /#3\b[^]*< 0\.01 ×/);
  for (const name of ["A · First", "B · Second", "C · Third"]) assert(await page.getByText(name).isVisible());
  await page.getByRole("button", { name: "Back to the input" }).click();
  await answered(page);
  assert.match(await page.locator(".slice-words").innerText(), /lies off this plane/);
  // A third point on the line of the other two spans no plane: it is one of them.
  await open("&mode=slice&plane=points&from=3&to=40&third=40");
  await page.waitForFunction(() => /lie on one line, which is no plane/.test(document.querySelector(".side")?.textContent ?? ""));
  expectNoProblems(page);
});
