/** The story of the playground, and its parts in frames, in a real Chromium. */

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { answered, expectNoProblems, nextFrame, PHONE } from "./harness.mjs";
import { PAGE, address, expectAccessible, load, newPage, prepare, query, site, slide } from "./playground_site.mjs";

/** @typedef {import("./harness.mjs").WatchedPage} Page */

prepare();

/** @param {Page} page */
const told = (page) => page.locator(".story").innerText();
/** @param {Page} page */
const marked = (page) => page.locator(".story-at").evaluateAll((all) => all.map((node) => node.className || node.getAttribute("aria-labelledby")));

test("on the first visit it opens, by keyboard to its end, and never again unless asked", async () => {
  const page = await load("", { isFirstVisit: true });
  assert.match(await told(page), /^1 of 8/);
  await page.locator(".story-next").focus();
  for (let step = 2; step <= 8; step++) {
    await page.keyboard.press("Enter");
    await answered(page);
    assert.match(await told(page), new RegExp(`^${step} of 8`));
    assert.equal((await marked(page)).length, 1, `step ${step} marks one`);
    assert.match(page.url(), new RegExp(`step=${step}`));
  }
  await page.goBack();
  await answered(page);
  assert.match(await told(page), /^7 of 8/);
  assert.equal(await page.locator("html").getAttribute("data-mode"), "flow");
  await page.keyboard.press("Escape");
  assert(await page.locator(".story").isHidden());
  assert.doesNotMatch(page.url(), /step=/);
  await page.goto(`${site().origin}${PAGE}?${query()}`);
  await page.waitForSelector("html[data-state=ready]");
  assert(await page.locator(".story").isHidden(), "closed once");
  await page.getByRole("button", { name: "Story" }).click();
  assert.match(await told(page), /^1 of 8/);
  assert(await page.locator(".story-next").evaluate((node) => node === document.activeElement));
  expectNoProblems(page);
});

test("a link to a step opens it as it is meant, and shows what it is about", async () => {
  const page = await load("&step=3");
  assert.match(await told(page), /^3 of 8\s+Turn this 6/);
  assert.match(await page.locator(".sample[aria-pressed=true]").getAttribute("aria-label") ?? "", /6/);
  assert.deepEqual(await marked(page), ["slider story-at"]);
  assert.equal(await page.locator("input[name=rotation]").getAttribute("aria-describedby"), null);
  await page.getByRole("button", { name: "Show me" }).click();
  await answered(page);
  assert.match(page.url(), /rotation=180&step=3/);
  assert.equal(await page.locator("input[name=rotation]").inputValue(), "180");
  await page.getByRole("button", { name: "Go there" }).click();
  assert(await page.locator("input[name=rotation]").evaluate((node) => node === document.activeElement));
  await page.emulateMedia({ colorScheme: "dark" });
  await expectAccessible(page, "a step, dark");
  await page.emulateMedia({ forcedColors: "active", reducedMotion: "reduce" });
  assert.notEqual(await page.locator(".story-at").evaluate((node) => getComputedStyle(node).outlineStyle), "none");
  await page.emulateMedia({ forcedColors: "none", colorScheme: "light" });
  await page.setViewportSize(PHONE.viewport);
  await nextFrame(page);
  const box = await page.locator(".story").boundingBox();
  assert(box && box.x >= 0 && box.x + box.width <= 390 && Math.round(box.y + box.height) === 844, "at the foot of a phone");
  await expectAccessible(page, "a step on a phone");
  expectNoProblems(page);
});

test("it stays away where the address says what to show, and in frames", async () => {
  const own = await load("&rotation=30", { isFirstVisit: true });
  assert(await own.locator(".story").isHidden());
  const frame = await load("&embed=1&step=2", { isFirstVisit: true });
  assert.equal(await frame.locator(".story, .story-open").count(), 0);
});

test("a teacher's story is told, and what is wrong with it is named", async () => {
  const story = { title: "Mine", steps: [{ text: "One <b>", at: "noise", set: { noise: 0.5, speed: 1 } }, { text: "Two", set: { mode: "slice" } }] };
  await writeFile(join(site().changed, "story.json"), JSON.stringify(story));
  const page = await load("&story=/changed/story.json", { isFirstVisit: true });
  assert.match(await told(page), /^1 of 2\s+One <b>/);
  assert.match(await page.locator(".notice").innerText(), /“set” of step 1 names “speed”/);
  await address(page, /noise=0.5/);
  await page.getByRole("button", { name: "Next" }).click();
  await address(page, /mode=slice/);
  const other = await load("&story=/changed/none.json", { isFirstVisit: true });
  assert.match(await other.locator(".notice").innerText(), /The story cannot be told: There is no file \/changed\/none.json/);
  assert(await other.locator(".story").isHidden());
});

test("a frame shows the parts that are named, is alive, and lets the page around it scroll", async () => {
  const src = `${site().origin}${PAGE}?${query()}&embed=stage,sliders,legend`;
  await writeFile(join(site().changed, "article.html"), `<!doctype html><title>x</title><body><iframe src="${src.replaceAll("&", "&amp;")}" width="760" height="420"></iframe><br><canvas width="10" height="3000"></canvas>`);
  const page = await newPage();
  await page.goto(`${site().origin}/changed/article.html`);
  const frame = page.frameLocator("iframe");
  await frame.locator("html[data-state=ready]").waitFor();
  const seen = await Promise.all([".stage", ".augmentation", ".legend", ".dock", ".results", ".samples", ".settings"].map((part) => frame.locator(part).isVisible()));
  assert.deepEqual(seen, [true, true, true, false, false, false, false]);
  const tip = frame.locator(".tip");
  for (let at = 0; at < 400 && !(await tip.isVisible()); at++) {
    await page.mouse.move(60 + (at % 20) * 20, 60 + Math.floor(at / 20) * 20);
    await nextFrame(page);
  }
  assert(await tip.isVisible(), "a point under the mouse is shown");
  const rotation = frame.locator("input[name=rotation]");
  await rotation.focus();
  await page.keyboard.press("ArrowRight");
  assert.equal(await rotation.getAttribute("aria-valuetext"), "1°");
  await page.mouse.move(200, 200);
  await page.mouse.wheel(0, 400);
  await page.waitForFunction(() => scrollY > 300);
});
