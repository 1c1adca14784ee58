/** The playground in a real Chromium, on a really trained model. */

import assert from "node:assert/strict";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { expectNoProblems, expectWebGL2, findRun, folders, startBrowser, startServer } from "./harness.mjs";

/** @typedef {import("./harness.mjs").WatchedPage} Page */

const PAGE = "/grounding/interactive_latent_playground.html";
const AXE = join(folders.web, "node_modules", "axe-core", "axe.min.js");

/** @type {string} */
let changed;
/** @type {Awaited<ReturnType<typeof startServer>>} */
let server;
/** @type {Awaited<ReturnType<typeof startBrowser>>} */
let browser;
/** @type {Awaited<ReturnType<typeof findRun>>} */
let run;
/** @type {any} what the assets' JSON holds, without its companion */
let plain;

before(async () => {
  changed = await mkdtemp(join(tmpdir(), "grounding-changed-"));
  run = await findRun(folders.artifacts);
  const { companion, ...rest } = JSON.parse(await readFile(join(folders.artifacts, run.assets), "utf8"));
  assert(companion, "the assets name no companion");
  plain = rest;
  server = await startServer({ "/": folders.repository, "/artifacts": folders.artifacts, "/changed": changed });
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await server?.close();
  await rm(changed, { recursive: true, force: true });
});

/** @param {Partial<{assets: string, encoder: string, decoder: string}>} [other] */
function query(other = {}) {
  const files = { assets: `/artifacts/${run.assets}`, encoder: `/artifacts/${run.encoder}`, decoder: `/artifacts/${run.decoder}`, ...other };
  return Object.entries(files).map(([name, url]) => `${name}=${url}`).join("&");
}

/** @param {string} search @param {Parameters<typeof browser.newPage>[0]} [options] */
async function visit(search, options) {
  const page = await browser.newPage(options);
  await page.goto(`${server.origin}${PAGE}?${search}`);
  return page;
}

/** @param {string} [more] @param {Parameters<typeof browser.newPage>[0]} [options] @param {string} [files] */
async function open(more = "", options, files = query()) {
  const page = await visit(`${files}${more}`, options);
  await page.waitForSelector("html[data-state=ready]");
  return page;
}

/** @param {Page} page @param {string} selector of a canvas */
const picture = (page, selector) =>
  page.locator(selector).evaluate((canvas) => /** @type {HTMLCanvasElement} */ (canvas).toDataURL());

/** What the reader sees of the answer. @param {Page} page */
const answer = (page) => page.locator(".neighbors").innerText();

/** Wait for another answer. @param {Page} page @param {() => Promise<unknown>} act */
async function changes(page, act) {
  const before = await answer(page);
  await act();
  await page.waitForFunction((text) => /** @type {HTMLElement} */ (document.querySelector(".neighbors")).innerText !== text, before);
  return answer(page);
}

/** @param {Page} page @param {string} name @param {number} value */
const slide = (page, name, value) =>
  page.locator(`input[name=${name}]`).evaluate((input, to) => {
    /** @type {HTMLInputElement} */ (input).value = String(to);
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }, value);

/** @param {Page} page @param {RegExp} pattern */
const address = (page, pattern) => page.waitForFunction(([source]) => new RegExp(source).test(location.search), [pattern.source]);

/** @param {Page} page @param {string} what */
async function expectAccessible(page, what) {
  await page.evaluate(await readFile(AXE, "utf8"));
  const found = await page.evaluate(async () => {
    const { violations } = await /** @type {any} */ (window).axe.run();
    return violations.map((/** @type {any} */ { id, nodes }) => `${id}: ${nodes.map((/** @type {any} */ node) => node.html.slice(0, 120)).join(" | ")}`);
  });
  assert.deepEqual(found, [], what);
}

test("it opens running: marker, previews and readouts are there", async () => {
  const page = await open();
  await expectWebGL2(page);
  assert.match(await page.locator("#experiment").innerText(), /\w/);
  assert.match(await page.locator(".readouts .value").nth(1).innerText(), /\d/);
  assert.equal(await page.locator(".neighbor").count(), plain.projection_k);
  assert.match(await page.locator(".readouts").innerText(), new RegExp(`\\d+ of ${plain.projection_k} (is|are) \\d`));
  const pictures = await Promise.all([1, 2, 3].map((i) => picture(page, `.preview:nth-child(${i}) canvas`)));
  assert.equal(pictures[0], pictures[1]);
  assert.notEqual(pictures[1], pictures[2]);
  await page.waitForFunction(() => /of the references|any reference/.test(document.querySelector(".readouts")?.textContent ?? ""));
  // The first sample is one of the references: nearer than they are to each other.
  assert.match(await page.locator(".verdict").innerText(), /manifold|edge/);
  expectNoProblems(page);
});

test("every slider changes picture and answer, and reset takes them back", async () => {
  const page = await open("&digit=7");
  const first = await answer(page);
  const unmoved = await picture(page, ".preview:nth-child(2) canvas");
  for (const [name, value] of /** @type {const} */ ([["shiftX", 3], ["shiftY", -4], ["rotation", 40], ["scale", 0.7], ["intensity", 0.4], ["noise", 0.3], ["masking", 0.4]])) {
    await changes(page, () => slide(page, name, value));
    assert.notEqual(await picture(page, ".preview:nth-child(2) canvas"), unmoved, name);
    assert.equal(await changes(page, () => page.getByRole("button", { name: "Reset" }).first().click()), first, name);
    assert.equal(await picture(page, ".preview:nth-child(2) canvas"), unmoved, name);
  }
  expectNoProblems(page);
});

test("a slider answers to the keyboard and says its value", async () => {
  const page = await open();
  const rotation = page.getByRole("slider", { name: "Rotation" });
  await rotation.focus();
  await changes(page, () => page.keyboard.press("ArrowRight"));
  assert.equal(await rotation.getAttribute("aria-valuetext"), "1°");
  await page.keyboard.press("Delete");
  assert.equal(await rotation.inputValue(), "0");
});

test("noise does not flicker: one seed, one picture; a re-roll gives another", async () => {
  const page = await open("&noise=0.4&masking=0.2&seed=7");
  const seen = await picture(page, ".preview:nth-child(2) canvas");
  await changes(page, () => slide(page, "noise", 0.1));
  await changes(page, () => slide(page, "noise", 0.4));
  assert.equal(await picture(page, ".preview:nth-child(2) canvas"), seen);
  await changes(page, () => page.getByRole("button", { name: "Re-roll noise" }).click());
  const rolled = await picture(page, ".preview:nth-child(2) canvas");
  assert.notEqual(rolled, seen);
  await address(page, /seed=(?!7&)/);
  const again = await browser.newPage();
  await again.goto(page.url());
  await again.waitForSelector("html[data-state=ready]");
  assert.equal(await picture(again, ".preview:nth-child(2) canvas"), rolled);
  expectNoProblems(page);
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
  await page.getByRole("button", { name: "Own drawing" }).click();
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
  const again = await browser.newPage();
  await again.goto(page.url());
  await again.waitForSelector("html[data-state=ready]");
  assert.equal(await picture(again, ".preview:nth-child(1) canvas"), first);
  await page.getByRole("button", { name: "Clear" }).click();
  assert.equal(await picture(page, ".preview:nth-child(1) canvas"), empty);
  assert(await page.getByRole("button", { name: "Undo" }).isDisabled());
  expectNoProblems(page);
});

test("drawing by touch on a phone, beside everything else at its width", async () => {
  const page = await open("&source=drawing", { viewport: { width: 390, height: 844 }, hasTouch: true });
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

test("a neighbour shows its card, can be taken as input, and lands on itself", async () => {
  const page = await open("&digit=4");
  const row = page.locator(".neighbor").nth(3);
  const number = Number((await row.innerText()).match(/#(\d+)/)?.[1]);
  await row.click();
  const card = page.locator(".card:not(.hover)").filter({ hasText: "Reference" });
  assert.match(await card.innerText(), new RegExp(`Reference ${number}`));
  await changes(page, () => card.getByRole("button", { name: "Take as input" }).click());
  assert.match(page.url(), new RegExp(`source=reference&reference=${number}|reference=${number}`));
  assert.match(await page.locator(".neighbor").first().innerText(), new RegExp(`#${number}\\b`));
  await card.getByRole("button", { name: "Close" }).click();
  assert(await card.isHidden());
  const again = await browser.newPage();
  await again.goto(page.url());
  await again.waitForSelector("html[data-state=ready]");
  await again.waitForFunction((text) => document.querySelector(".neighbor")?.textContent?.includes(text), `#${number}`);
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
  await page.waitForFunction(() => /Farther from its nearest neighbour than/.test(document.querySelector(".readouts")?.textContent ?? ""));
  assert.match(await page.locator(".verdict").innerText(), /Off the known manifold/);
});

test("interpolate: a sensible pair to begin with, strips, drift, keyboard choice", async () => {
  const page = await open("&mode=interpolate");
  await page.waitForSelector(".film:not(.waiting)");
  const labels = await page.locator(".endpoint-label").allInnerTexts();
  assert.notEqual(labels[0], labels[1]);
  const strips = await Promise.all([0, 1].map((i) => page.locator(".strip").nth(i).evaluate((canvas) => /** @type {HTMLCanvasElement} */ (canvas).toDataURL())));
  assert.notEqual(strips[0], strips[1]);
  assert.match(await page.locator(".readouts").innerText(), /Drift \|E\(D\(z\)\) − z\|\s+[\d.]+/);
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
  await page.getByRole("button", { name: "Reground until it settles" }).click();
  await page.waitForFunction(() => /ettled after \d+ step/.test(document.querySelector(".settled")?.textContent ?? ""));
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
  const page = await open("&embed=1&rotation=30", { viewport: { width: 600, height: 420 } });
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
    await page.getByRole("button", { name: "Own drawing" }).click();
    await expectAccessible(page, "drawing");
    await page.getByRole("button", { name: "Interpolate", exact: true }).click();
    await page.waitForSelector(".film:not(.waiting)");
    await page.getByRole("button", { name: "Reground until it settles" }).click();
    await page.waitForSelector(".settled:not([hidden])");
    await expectAccessible(page, "interpolate");
    await page.keyboard.press("?");
    assert.match(await page.getByRole("dialog").innerText(), /Arrow keys/);
    await expectAccessible(page, "keys");
    expectNoProblems(page);
  });
}

test("no parameters: what the page needs, and the commands", async () => {
  const page = await visit("");
  const panel = page.locator(".panel.welcome");
  assert.match(await panel.innerText(), /grounding run[\s\S]*grounding serve/);
  assert.equal(await page.locator(".panel.error").count(), 0);
  await expectAccessible(page, "welcome");
  expectNoProblems(page);
});

/** @param {string} search @param {RegExp} words @param {string} code @param {RegExp} [allowed] console errors */
async function expectPanel(search, words, code, allowed) {
  const page = await visit(search);
  const panel = page.locator(".panel.error");
  await panel.waitFor();
  assert.equal(await panel.getAttribute("data-code"), code, search);
  assert.match(await panel.innerText(), words);
  assert(await page.locator(".neighbor").first().isHidden());
  expectNoProblems(page, allowed);
  await page.context().close();
}

test("what cannot work says why", async () => {
  const noFile = /404/;
  await expectPanel(query().replace(/&encoder=[^&]*/, ""), /encoder/, "parameter");
  await expectPanel(query({ encoder: "/artifacts/none.onnx" }), /none\.onnx/, "missing", noFile);
  await expectPanel(query({ assets: "/artifacts/none.json" }), /none\.json/, "missing", noFile);
  await expectPanel(query({ encoder: `/artifacts/${run.decoder}`, decoder: `/artifacts/${run.encoder}` }), /changed places/, "mismatch");
  for (const url of ["https://example.org/e.onnx", "//example.org/e.onnx", "javascript:alert(1)", "data:,x", "blob:x", "file:///etc/passwd", "http://user:pw@127.0.0.1/x"]) {
    await expectPanel(query({ encoder: encodeURIComponent(url) }), /encoder/, "url");
  }
});

/** @param {string} name @param {unknown} value */
async function write(name, value) {
  await writeFile(join(changed, name), typeof value === "string" ? value : JSON.stringify(value));
  return `/changed/${name}`;
}

test("files that are broken say what is wrong with them", async () => {
  const small = { ...plain, num_points: 40, projection_k: 5 };
  for (const key of Object.keys(plain)) if (key.startsWith("reference_")) small[key] = plain[key].slice(0, 40);
  await expectPanel(query({ assets: await write("a.json", "no json") }), /not a JSON file/, "not-json");
  await expectPanel(query({ assets: await write("b.json", { ...small, reference_points: undefined }) }), /reference_points/, "keys");
  await expectPanel(query({ assets: await write("c.json", { ...small, reference_latents: [[1], ...small.reference_latents.slice(1)] }) }), /reference_latents/, "shape");
  const nan = JSON.stringify({ ...small, reference_points: [[null, 0, 0], ...small.reference_points.slice(1)] });
  await expectPanel(query({ assets: await write("d.json", nan) }), /finite/, "value");
  const wide = { ...small, latent_dim: plain.latent_dim + 1 };
  for (const key of ["reference_latents", "reference_latents_raw"]) wide[key] = small[key].map((/** @type {number[]} */ row) => [...row, 0]);
  await expectPanel(query({ assets: await write("e.json", wide) }), /latents of/, "mismatch");
  await expectPanel(query({ assets: await write("f.json", { ...small, checkpoint_sha256: "0".repeat(64) }) }), /two checkpoints/, "mismatch");
  await copyFile(join(folders.artifacts, run.decoder), join(changed, "decoder.onnx"));
  await expectPanel(query({ encoder: await write("broken.onnx", "this is no model") }), /encoder is no ONNX model/, "model");
});

test("only the needed keys, and hostile text in all others", async () => {
  const hostile = '"><img src=x onerror="window.hurt=1"><script>window.hurt=1</script>';
  const bare = /** @type {any} */ ({ experiment: hostile, split: hostile, checkpoint: hostile, projection: hostile, num_points: 30, projection_k: 4 });
  for (const key of ["latent_dim", "l2_normalized", "digit_samples"]) bare[key] = plain[key];
  for (const key of ["reference_points", "reference_latents", "reference_latents_raw", "reference_labels"]) bare[key] = plain[key].slice(0, 30);
  bare["<b>"] = hostile;
  const page = await open("&source=reference&reference=3", undefined, query({ assets: await write("bare.json", bare) }));
  assert.equal(await page.locator("#experiment").innerText().then((text) => text.slice(0, 6)), hostile.slice(0, 6));
  assert.equal(await page.evaluate(() => /** @type {any} */ (window).hurt ?? document.querySelectorAll("img, .page script").length), 0);
  assert.equal(await page.locator(".neighbor canvas").count(), 0);
  assert.equal(await page.locator(".neighbor").count(), 4);
  await page.locator(".neighbor").first().click();
  assert.equal(await page.getByRole("button", { name: "Take as input" }).count(), 0);
  await page.getByRole("button", { name: "Start here" }).click();
  await page.waitForSelector(".film:not(.waiting)");
  assert.notEqual(await picture(page, ".endpoint canvas >> nth=0"), await picture(page, ".endpoint canvas >> nth=1"));
  expectNoProblems(page);
});

test("without WebGL the numbers still come; a lost context says so and comes back", async () => {
  const page = await browser.newPage();
  await page.addInitScript(() => {
    const real = HTMLCanvasElement.prototype.getContext;
    HTMLCanvasElement.prototype.getContext = /** @type {any} */ (function (/** @type {any} */ kind, /** @type {any[]} */ ...rest) {
      return kind === "webgl2" ? null : real.call(this, kind, ...rest);
    });
  });
  await page.goto(`${server.origin}${PAGE}?${query()}`);
  await page.waitForSelector(".panel.error[data-code=no-webgl]");
  await page.waitForSelector("html[data-state=ready]");
  assert.match(await page.locator(".neighbor").first().innerText(), /#\d/);

  const lost = await open();
  await lost.evaluate(() => {
    const context = /** @type {HTMLCanvasElement} */ (document.querySelector(".stage > canvas")).getContext("webgl2");
    const extension = context?.getExtension("WEBGL_lose_context");
    extension?.loseContext();
    setTimeout(() => extension?.restoreContext(), 300);
  });
  await lost.waitForSelector(".panel.error[data-code=context-lost]");
  await lost.waitForSelector(".panel.error", { state: "detached" });
});

test("a script that does not run leaves words that say what to do", async () => {
  const html = await readFile(join(folders.repository, "grounding", "interactive_latent_playground.html"), "utf8");
  assert(!/<script(?![^>]*src=)|style=|\son\w+=/.test(html), "inline script or style");
  const page = await browser.newPage();
  await page.route("**/playground.js", (route) => route.abort());
  await page.goto(`${server.origin}${PAGE}`);
  await page.waitForFunction(() => getComputedStyle(/** @type {Element} */ (document.querySelector(".unstarted"))).visibility === "visible");
  assert.match(await page.locator(".unstarted").innerText(), /Node 20[\s\S]*pip install -e/);
});
