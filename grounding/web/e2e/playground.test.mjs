/** The playground in a real Chromium, on a really trained model. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { answered, expectNoProblems, expectWebGL2 } from "./harness.mjs";
import { address, answer, changes, expectAccessible, link, load, open, picture, prepare, site, slide } from "./playground_site.mjs";

/** @typedef {import("./harness.mjs").WatchedPage} Page */

prepare();

test("it opens running: marker, previews and readouts are there", async () => {
  const page = await open();
  await expectWebGL2(page);
  assert.match(await page.locator("#experiment").innerText(), /\w/);
  assert.match(await page.locator(".readouts .value").nth(1).innerText(), /\d ×/);
  assert.equal(await page.locator(".neighbor").count(), site().plain.projection_k);
  assert.match(await page.locator(".readouts").innerText(), new RegExp(`\\d+ of ${site().plain.projection_k} (is|are) \\d`));
  const pictures = await Promise.all([1, 2, 3].map((i) => picture(page, `.preview:nth-child(${i}) canvas`)));
  assert.equal(pictures[0], pictures[1]);
  assert.notEqual(pictures[1], pictures[2]);
  assert.match(await page.locator(".readouts").innerText(), /of the references|any reference/);
  assert.match(await page.locator(".readouts > .note").first().innerText(), /^1 × is [\d.]+, the median distance/);
  assert.match(await page.locator(".readouts > .note").last().innerText(), /by AUROC .*: noise [01]\.\d\d, inverted/);
  assert(await page.locator(".gauge").isVisible());
  expectNoProblems(page);
});

/** Rows of the references that are listed. @param {Page} page */
const listed = async (page) => (await page.locator(".neighbor").allInnerTexts()).map((text) => Number(text.match(/#(\d+)/)?.[1]));

test("the first sample is one that is reconstructed as what it is, and none is its own neighbour", async () => {
  const page = await open();
  const { sample_labels: labels, sample_indices: indices, reference_indices: references } = site().plain;
  const first = await page.locator(".sample[aria-pressed=true]").getAttribute("aria-label");
  const votes = await page.locator(".readouts .words").first().innerText();
  // Of its own class, as most of its neighbours are.
  assert.equal(first, `Digit sample ${(await page.locator(".readouts").innerText()).match(/\d+ of \d+ (?:is|are) (\d)/)?.[1]}`, votes);
  for (const digit of [0, 5, 9]) {
    await page.getByRole("button", { name: `Digit sample ${labels[digit]}`, exact: true }).click();
    await answered(page);
    const own = references.indexOf(indices[digit]);
    assert(own >= 0, "the sample is one of the references");
    const rows = await listed(page);
    assert(rows.length === site().plain.projection_k && !rows.includes(own), `${own} among ${rows}`);
  }
  expectNoProblems(page);
});

test("every slider changes picture and answer, and reset takes them back", async () => {
  const page = await open("&digit=7");
  const first = await answer(page);
  const unmoved = await picture(page, ".preview:nth-child(2) canvas");
  for (const [name, value] of /** @type {const} */ ([["shiftX", 3], ["shiftY", -4], ["rotation", 40], ["scale", 0.7], ["shear", 0.5], ["elastic", 2], ["thickness", 0.6], ["intensity", 0.4], ["noise", 0.3], ["masking", 0.4]])) {
    await changes(page, () => slide(page, name, value));
    assert.notEqual(await picture(page, ".preview:nth-child(2) canvas"), unmoved, name);
    assert.equal(await changes(page, () => page.getByRole("button", { name: "Reset" }).first().click()), first, name);
    assert.equal(await picture(page, ".preview:nth-child(2) canvas"), unmoved, name);
  }
  expectNoProblems(page);
});

test("a slider answers to the keyboard and says its value", async () => {
  const page = await open();
  for (const [name, text] of [["Rotation", "1°"], ["Shear", "0.01"], ["Elastic", "0.1 px"], ["Thickness", "0.01"]]) {
    const control = page.getByRole("slider", { name });
    await control.focus();
    await changes(page, () => page.keyboard.press("ArrowRight"));
    assert.equal(await control.getAttribute("aria-valuetext"), text);
    await page.keyboard.press("Delete");
    assert.equal(await control.inputValue(), "0");
  }
});

test("noise and elastic do not flicker: one seed, one picture; a re-roll gives another", async () => {
  const page = await open("&noise=0.4&masking=0.2&elastic=2&seed=7");
  const seen = await picture(page, ".preview:nth-child(2) canvas");
  await changes(page, () => slide(page, "noise", 0.1));
  await changes(page, () => slide(page, "noise", 0.4));
  await changes(page, () => slide(page, "elastic", 0.5));
  await changes(page, () => slide(page, "elastic", 2));
  assert.equal(await picture(page, ".preview:nth-child(2) canvas"), seen);
  await changes(page, () => page.getByRole("button", { name: "Re-roll" }).click());
  const rolled = await picture(page, ".preview:nth-child(2) canvas");
  assert.notEqual(rolled, seen);
  await address(page, /seed=(?!7&)/);
  const rolledLink = link(page);
  await open("&digit=1");
  assert.notEqual(await picture(page, ".preview:nth-child(2) canvas"), rolled);
  await open(rolledLink);
  assert.equal(await picture(page, ".preview:nth-child(2) canvas"), rolled);
  expectNoProblems(page);
});

test("every number has space, at its longest and on the narrowest phone", async () => {
  for (const width of [1280, 320]) {
    const page = await open("&shiftX=-10&shiftY=-9.5&rotation=-180&shear=-0.88&thickness=-0.55", { viewport: { width, height: 800 } });
    const tight = await page.locator(".cell").evaluateAll((cells) => cells.filter((cell) => cell.scrollWidth > cell.clientWidth).map((cell) => cell.textContent));
    assert.deepEqual(tight, [], `${width} pixels wide`);
  }
});

/** @param {Page} page @param {number[][]} corners shares of the pad's side */
async function draw(page, corners) {
  const box = await page.locator(".pad").boundingBox();
  assert(box);
  /** @param {number[]} corner @returns {[number, number]} */
  const place = ([x, y]) => [box.x + x * box.width, box.y + y * box.height];
  await page.mouse.move(...place(corners[0]));
  await page.mouse.down();
  for (const corner of corners.slice(1)) await page.mouse.move(...place(corner), { steps: 6 });
  await page.mouse.up();
}

test("drawing by mouse: undo, clear, normalisation, and the link shows it again", async () => {
  const page = await open();
  await page.getByRole("button", { name: "Draw", exact: true }).click();
  const empty = await picture(page, ".preview:nth-child(1) canvas");
  await changes(page, () => draw(page, [[0.2, 0.2], [0.5, 0.2], [0.3, 0.6]]));
  const first = await picture(page, ".preview:nth-child(1) canvas");
  assert.notEqual(first, empty);
  await changes(page, () => draw(page, [[0.6, 0.6], [0.8, 0.8]]));
  const both = await picture(page, ".preview:nth-child(1) canvas");
  await page.getByRole("button", { name: "Undo" }).click();
  assert.equal(await picture(page, ".preview:nth-child(1) canvas"), first);
  await changes(page, () => page.getByLabel("Centre and fit").uncheck());
  assert.notEqual(await picture(page, ".preview:nth-child(1) canvas"), first);
  await page.getByLabel("Centre and fit").check();
  assert.equal(await picture(page, ".preview:nth-child(1) canvas"), first);
  assert.notEqual(first, both);
  await address(page, /source=drawing.*strokes=[\w-]+/);
  const again = await load(link(page));
  assert.equal(await picture(again, ".preview:nth-child(1) canvas"), first);
  await page.getByRole("button", { name: "Clear" }).click();
  assert.equal(await picture(page, ".preview:nth-child(1) canvas"), empty);
  assert(await page.getByRole("button", { name: "Undo" }).isDisabled());
  expectNoProblems(page);
});

test("drawing by touch on a phone, beside everything else at its width", async () => {
  const page = await load("&source=drawing", { viewport: { width: 390, height: 844 }, hasTouch: true });
  const empty = await picture(page, ".preview:nth-child(1) canvas");
  await page.locator(".pad").scrollIntoViewIfNeeded();
  const box = await page.locator(".pad").boundingBox();
  assert(box);
  const session = await page.context().newCDPSession(page);
  for (const [i, type] of /** @type {const} */ (["touchStart", "touchMove", "touchMove", "touchEnd"]).entries()) {
    const touchPoints = type === "touchEnd" ? [] : [{ x: box.x + 40 + 30 * i, y: box.y + 40 + 40 * i }];
    await session.send("Input.dispatchTouchEvent", { type, touchPoints });
  }
  await address(page, /strokes=/);
  assert.notEqual(await picture(page, ".preview:nth-child(1) canvas"), empty);
  assert(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "wider than the phone");
  const small = await page.evaluate(() =>
    [...document.querySelectorAll("button, input, select, summary")]
      .filter((node) => node.getClientRects().length && Math.max(node.getBoundingClientRect().height, node.closest("label")?.getBoundingClientRect().height ?? 0) < 40)
      .map((node) => node.outerHTML.slice(0, 80)),
  );
  assert.deepEqual(small, []);
  await expectAccessible(page, "phone");
  expectNoProblems(page);
});

test("a neighbour shows its card, can be taken as input, and lands among the others", async () => {
  const page = await open("&digit=4");
  const row = page.locator(".neighbor").nth(3);
  const number = Number((await row.innerText()).match(/#(\d+)/)?.[1]);
  await row.click();
  const card = page.locator(".card:not(.hover)").filter({ hasText: "Reference" });
  assert.match(await card.innerText(), new RegExp(`Reference ${number}`));
  await changes(page, () => card.getByRole("button", { name: "Take as input" }).click());
  assert.match(page.url(), new RegExp(`source=reference&reference=${number}|reference=${number}`));
  const rows = await listed(page);
  assert(rows.length === site().plain.projection_k && !rows.includes(number), `${number} among ${rows}`);
  await card.getByRole("button", { name: "Close" }).click();
  assert(await card.isHidden());
  // Its picture may come after the page: the link shows the same all the same.
  const again = await load(`&source=reference&reference=${number}`);
  await again.waitForFunction((text) => document.querySelector(".neighbor")?.textContent?.includes(text), `#${rows[0]}`);
  assert.deepEqual(await listed(again), rows);
  expectNoProblems(page);
  expectNoProblems(again);
});

test("a click in the cloud chooses the point under it", async () => {
  const page = await open();
  const canvas = page.locator(".stage > canvas");
  await canvas.focus();
  await page.keyboard.press("Enter");
  assert.match(await page.locator(".card").filter({ hasText: "Reference" }).innerText(), /Reference \d+/);
  await page.keyboard.press("Escape");
  expectNoProblems(page);
});

test("far off the manifold is said in words", async () => {
  const page = await open("&rotation=90&scale=2&noise=1");
  assert.match(await page.locator(".readouts").innerText(), /Farther than (any reference|99)/);
  assert.equal(await page.locator(".verdict").innerText(), "Off the known manifold");
  assert.equal(await page.locator(".gauge .dot.off").count(), 1);
  await open("&digit=1");
  assert.equal(await page.locator(".gauge .dot.off").count(), 0);
});

test("interpolate: a sensible pair to begin with, strips, drift, keyboard choice", async () => {
  const page = await open("&mode=interpolate");
  await page.waitForSelector(".film:not(.waiting)");
  const labels = await page.locator(".endpoint-label").allInnerTexts();
  assert.notEqual(labels[0], labels[1]);
  const strips = await Promise.all([0, 1].map((i) => page.locator(".strip").nth(i).evaluate((canvas) => /** @type {HTMLCanvasElement} */ (canvas).toDataURL())));
  assert.notEqual(strips[0], strips[1]);
  assert.match(await page.locator(".readouts").innerText(), /Drift \|E\(D\(z\)\) − z\|\s+[\d.]+ ×/);
  await changes(page, async () => {
    await page.getByLabel("Start: number of the reference").fill("11");
    await page.keyboard.press("Enter");
  });
  await changes(page, async () => {
    await page.getByLabel("End: number of the reference").fill("200");
    await page.keyboard.press("Enter");
  });
  await address(page, /from=11&to=200/);
  await page.waitForFunction((old) => /** @type {HTMLCanvasElement} */ (document.querySelector(".strip")).toDataURL() !== old, strips[0]);
  const t = page.getByRole("slider", { name: /Place on the path/ });
  await t.focus();
  await changes(page, () => page.keyboard.press("Home"));
  await address(page, /t=0(&|$)/);
  // Out of range: the field goes back.
  await page.getByLabel("End: number of the reference").fill("999999");
  await page.keyboard.press("Enter");
  assert.equal(await page.getByLabel("End: number of the reference").inputValue(), "200");
  expectNoProblems(page);
});

test("interpolate: ends by click, swap, settle and its trail", async () => {
  const page = await open("&mode=interpolate&from=3&to=40");
  await page.waitForSelector(".film:not(.waiting)");
  await changes(page, () => page.locator(".neighbor").nth(2).click());
  const from = Number(await page.getByLabel("Start: number of the reference").inputValue());
  assert.notEqual(from, 3);
  // The next choice is the other end.
  await page.locator(".stage > canvas").focus();
  await changes(page, () => page.keyboard.press("Enter"));
  assert.notEqual(await page.getByLabel("End: number of the reference").inputValue(), "40");
  assert.equal(Number(await page.getByLabel("Start: number of the reference").inputValue()), from);
  await page.getByRole("button", { name: "Swap" }).click();
  assert.equal(Number(await page.getByLabel("End: number of the reference").inputValue()), from);
  await page.getByRole("button", { name: "Reground up to 100 times" }).click();
  await page.waitForFunction(() => /(At rest|Still moving) after (all )?\d+ step/.test(document.querySelector(".settled")?.textContent ?? ""));
  await page.getByRole("button", { name: "Clear trail" }).click();
  assert(await page.locator(".settled").isHidden());
  expectNoProblems(page);
});

test("interpolate: play moves t, pause keeps it, nothing plays by itself", async () => {
  const page = await open("&mode=interpolate&t=0.2");
  const output = page.locator(".film-play output");
  assert.equal(await output.innerText(), "t 0.20");
  await page.getByRole("button", { name: "Play" }).click();
  await page.waitForFunction(() => document.querySelector(".film-play output")?.textContent !== "t 0.20");
  await page.getByRole("button", { name: "Pause" }).click();
  const rest = await output.innerText();
  await page.waitForTimeout(150);
  assert.equal(await output.innerText(), rest);
  expectNoProblems(page);
});

test("with reduced motion, play goes in steps", async () => {
  const page = await open("&mode=interpolate&t=0.2", { reducedMotion: "reduce" });
  await page.getByRole("button", { name: "Play" }).click();
  await page.waitForFunction(() => document.querySelector(".film-play output")?.textContent === "t 0.30");
  await page.getByRole("button", { name: "Pause" }).click();
});

test("the address holds it all; back and forward go through it", async () => {
  const page = await open("&digit=2");
  const two = await answer(page);
  await changes(page, () => page.getByRole("button", { name: "Digit sample 6" }).click());
  const six = await answer(page);
  await page.getByRole("button", { name: "Interpolate", exact: true }).click();
  await page.waitForSelector(".film:not(.waiting)");
  await page.goBack();
  await page.waitForFunction((text) => /** @type {HTMLElement} */ (document.querySelector(".neighbors")).innerText === text, six);
  assert(await page.locator(".film").isHidden());
  await page.goBack();
  await page.waitForFunction((text) => /** @type {HTMLElement} */ (document.querySelector(".neighbors")).innerText === text, two);
  assert.equal(await page.getByRole("button", { name: "Digit sample 2" }).getAttribute("aria-pressed"), "true");
  await page.goForward();
  await page.goForward();
  await page.waitForSelector(".film:not([hidden])");
  await page.locator(".stage > canvas").focus();
  await page.keyboard.press("ArrowLeft");
  await address(page, /mode=interpolate.*camera=/);
  expectNoProblems(page);
});

test("embedded: the cloud, its pictures and a link to the full page", async () => {
  const page = await load("&embed=1&rotation=30", { viewport: { width: 600, height: 420 } });
  for (const hidden of [".bar > a", ".side", ".results"]) assert(await page.locator(hidden).isHidden(), hidden);
  assert(await page.locator(".dock").isVisible());
  const href = await page.getByRole("link", { name: "Open full page" }).getAttribute("href");
  assert(href && !href.includes("embed") && href.includes("rotation=30"));
  await page.locator(".stage > canvas").focus();
  await page.keyboard.press("Enter");
  assert(await page.locator(".card").filter({ hasText: "Reference" }).isVisible());
  await expectAccessible(page, "embedded");
  expectNoProblems(page);
});

for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
  test(`no axe violation in either mode, ${colorScheme}`, async () => {
    const page = await open("", { colorScheme });
    await page.locator(".neighbor").first().click();
    await page.locator(".view > summary").click();
    await expectAccessible(page, "probe");
    await page.getByRole("button", { name: "Draw", exact: true }).click();
    await expectAccessible(page, "drawing");
    await page.getByRole("button", { name: "Interpolate", exact: true }).click();
    await page.waitForSelector(".film:not(.waiting)");
    await page.getByRole("button", { name: "Reground up to 100 times" }).click();
    await page.waitForSelector(".settled:not([hidden])");
    await expectAccessible(page, "interpolate");
    await page.keyboard.press("?");
    assert.match(await page.getByRole("dialog").innerText(), /Arrow keys/);
    await expectAccessible(page, "keys");
    await page.keyboard.press("Escape");
    expectNoProblems(page);
  });
}
