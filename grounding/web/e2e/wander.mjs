/**
 * Random use of a page, the same for the same seed as far as a browser allows: it may not fail, and nothing may grow.
 *
 *   node e2e/wander.mjs [--page viewer | playground] [--minutes 5] [--seed 1] [--every 10]
 *       prints JSON: what was done, what went wrong, samples of the memory (every so many seconds), and
 *       what of it grew. Ends with 1 if anything did either.
 *
 *   await wander(browser, address, {seconds, seed, every, prepare})   -> {actions, problems, samples, grown}
 *       prepare(page): before it is loaded
 *   await wanderSite()   -> {addresses: {viewer, playground}, close()}: the run's, the viewer's with a film
 *
 * Half of all that is done falls on a control that can be seen: first one of the groups in which they stand,
 * then one in it. The rest are gestures on the stage and keys, the drawing pad, other sizes of the window, colours
 * of the system, back and forward. Before each sample the page is brought back to the address that it began with,
 * so that samples can be compared.
 */

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { uniformField } from "../src/rng.js";
import { writeFilm } from "./film_file.mjs";
import { growthOf, memoryOf } from "./growth.mjs";
import { PHONE, answered, findRun, folders, nextFrame, startBrowser, startServer } from "./harness.mjs";

/** @typedef {import("./harness.mjs").WatchedPage} Page */
/** @typedef {() => number} Random in (0, 1) */

const WINDOWS = [{ width: 1280, height: 800 }, { width: 900, height: 600 }, { width: 1600, height: 900 }, PHONE.viewport];
const KEYS = ["b", "l", "t", "m", "g", "c", "?", "/", "0", "2", "3", "+", "-", "Enter", "Escape", "Tab", "Shift+Tab", "Home", "End", "Delete", "PageUp"];
const ARROWS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Shift+ArrowLeft", "Shift+ArrowUp"];
const TEXTS = ["7", "123", "3", "99999999", "cat"];
const LONGEST_PAUSE = 60;

/** @template T @param {Random} random @param {readonly T[]} list @returns {T} */
const one = (random, list) => list[Math.floor(random() * list.length)];

/** In a page, before its own scripts. */
function offerControls() {
  const GROUPS = "dialog, section, details, header, .corner, .dock, .segments";
  Object.assign(window, {
    /** @param {number} first @param {number} second where among the groups, and in it; in [0, 1) */
    pick(first, second) {
      const inside = document.querySelector("dialog[open]") ?? document;
      const all = /** @type {HTMLInputElement[]} */ ([...inside.querySelectorAll("button, select, input, summary, canvas.slice-picture, canvas.pad")]);
      const controls = all.filter((node) => !node.disabled && node.checkVisibility({ visibilityProperty: true }));
      if (!controls.length) return null;
      const groups = [...new Set(controls.map((node) => node.closest(GROUPS)))];
      const group = controls.filter((node) => node.closest(GROUPS) === groups[Math.floor(first * groups.length)]);
      const node = group[Math.floor(second * group.length)];
      node.scrollIntoView({ block: "nearest" });
      const { left, top, width, height } = node.getBoundingClientRect();
      const hit = document.elementFromPoint(left + width / 2, top + height / 2);
      if (!hit || !(node.contains(hit) || node.labels?.[0]?.contains(hit))) return null;
      Object.assign(window, { picked: node });
      const name = node.ariaLabel ?? (node.textContent?.trim() || node.labels?.[0]?.textContent || node.name || node.className);
      return { kind: node.localName === "input" ? node.type : node.localName, name: name.trim().slice(0, 40), left, top, width, height };
    },
    /** Of the picked list. @param {number} share */
    choose(share) {
      const list = /** @type {any} */ (window).picked;
      list.selectedIndex = Math.floor(share * list.length);
      list.dispatchEvent(new Event("change", { bubbles: true }));
    },
    /** @param {string} selector */
    boxOf(selector) {
      const node = document.querySelector(selector);
      if (!node?.checkVisibility() || document.querySelector("dialog[open]")) return null;
      const { left, top, right, bottom } = node.getBoundingClientRect();
      const [bound, end] = [Math.max(0, top), Math.min(innerHeight, bottom)];
      return end - bound > 20 ? { left: Math.max(0, left), top: bound, width: Math.min(innerWidth, right) - Math.max(0, left), height: end - bound } : null;
    },
  });
}

/** @typedef {{left: number, top: number, width: number, height: number}} Box */

/** What of an element can be seen. @param {Page} page @param {string} selector @returns {Promise<Box | null>} */
const boxOf = (page, selector) => page.evaluate((name) => /** @type {any} */ (window).boxOf(name), selector);

/** @param {Random} random @param {Box} box @returns {[number, number]} */
const inside = (random, { left, top, width, height }) => [left + width * (0.05 + 0.9 * random()), top + height * (0.05 + 0.9 * random())];

/** @param {Page} page @param {Random} random @param {Box} box @param {"left" | "right"} [button] */
async function drag(page, random, box, button = "left") {
  await page.mouse.move(...inside(random, box));
  await page.mouse.down({ button });
  for (let i = 0; i < 3; i++) await page.mouse.move(...inside(random, box), { steps: 3 });
  await page.mouse.up({ button });
}

/** @param {Page} page @param {string | null} key @param {() => Promise<unknown>} act while it is held */
async function holding(page, key, act) {
  if (key) await page.keyboard.down(key);
  await act();
  if (key) await page.keyboard.up(key);
}
/** @param {Random} random */
const modifier = (random) => one(random, [null, null, null, "Shift", "Alt"]);

/** @typedef {(page: Page, random: Random) => Promise<string>} Action does something, and says what; "" where it cannot now */

/** @param {string} selector @param {string} name @param {(page: Page, random: Random, box: Box) => Promise<unknown>} act @returns {Action} */
const on = (selector, name, act) => async (page, random) => {
  const box = await boxOf(page, selector);
  if (box) await act(page, random, box);
  return box ? name : "";
};
const STAGE = ".stage > canvas";

/** With how often each is done. @type {[weight: number, act: Action][]} */
const ACTIONS = [
  [24, useControl],
  [5, on(STAGE, "drag on the stage", (page, random, box) => holding(page, modifier(random), () => drag(page, random, box, random() < 0.8 ? "left" : "right")))],
  [
    4,
    on(STAGE, "select with box or lasso", async (page, random, box) => {
      await page.keyboard.press(one(random, ["b", "l"]));
      await holding(page, modifier(random), () => drag(page, random, box));
    }),
  ],
  [
    4,
    on(STAGE, "click on the stage", async (page, random, box) => {
      const [x, y] = inside(random, box);
      await holding(page, modifier(random), () => page.mouse.click(x, y, { clickCount: one(random, [1, 1, 2]) }));
    }),
  ],
  [3, on(STAGE, "point on the stage", (page, random, box) => page.mouse.move(...inside(random, box), { steps: 8 }))],
  [
    3,
    on(STAGE, "wheel on the stage", async (page, random, box) => {
      await page.mouse.move(...inside(random, box));
      for (let i = 0; i < 3; i++) await page.mouse.wheel(0, 400 * (random() - 0.5));
    }),
  ],
  [
    3,
    on(STAGE, "arrow keys on the stage", async (page, random) => {
      await page.locator(STAGE).first().focus();
      for (let i = 0; i < 4; i++) await page.keyboard.press(one(random, ARROWS));
    }),
  ],
  [4, on("canvas.pad", "draw", drag)],
  [
    3,
    async (page, random) => {
      const key = one(random, KEYS);
      await page.keyboard.press(key);
      return `key ${key}`;
    },
  ],
  [
    1,
    async (page, random) => {
      await page.setViewportSize(one(random, WINDOWS));
      return "resize the window";
    },
  ],
  [
    1,
    async (page, random) => {
      await page.emulateMedia({ colorScheme: one(random, ["light", "dark"]), reducedMotion: one(random, ["reduce", "no-preference", "no-preference"]) });
      return "colours and motion of the system";
    },
  ],
  [
    3,
    async (page, random) => {
      const way = one(random, ["back", "back", "forward"]);
      await page.evaluate((where) => {
        const { canGoBack, canGoForward } = /** @type {any} */ (window).navigation;
        if (where === "back" ? canGoBack : canGoForward) history.go(where === "back" ? -1 : 1);
      }, way);
      return way;
    },
  ],
];

/** @param {Page} page @param {Random} random */
async function useControl(page, random) {
  const found = await page.evaluate(([first, second]) => /** @type {any} */ (window).pick(first, second), [random(), random()]);
  if (!found) return "";
  const { kind, name, left, top, width, height } = found;
  const [x, y] = [left + width / 2, top + height / 2];
  if (kind === "select") await page.evaluate((share) => /** @type {any} */ (window).choose(share), random());
  else if (kind === "range" && random() < 0.7) await drag(page, random, { left, top: y, width, height: 0 });
  else if (kind === "canvas") await drag(page, random, found);
  else {
    await holding(page, random() < 0.1 ? "Shift" : null, () => page.mouse.click(x, y, { clickCount: random() < 0.1 ? 2 : 1 }));
    if (kind === "range") for (const key of ["ArrowRight", "PageDown", ...(random() < 0.3 ? ["Delete"] : [])]) await page.keyboard.press(key);
    if (kind === "text" || kind === "search") {
      await page.keyboard.press("ControlOrMeta+a");
      await page.keyboard.type(random() < 0.3 ? "" : one(random, TEXTS));
      await page.keyboard.press("Enter");
    }
  }
  return `${kind}: ${name.replace(/\d[\d,.]*/g, "#")}`;
}

/** As it was in the beginning. @param {Page} page @param {string} address */
async function goHome(page, address) {
  await page.setViewportSize(WINDOWS[0]);
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "no-preference" });
  await page.mouse.move(1, 1);
  await page.evaluate((search) => {
    for (const dialog of document.querySelectorAll("dialog")) dialog.close();
    if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
    history.pushState(null, "", search);
    dispatchEvent(new PopStateEvent("popstate"));
  }, new URL(address).search);
  // Leaves the tool, the selection, the gallery and what is chosen.
  for (let i = 0; i < 4; i++) await page.keyboard.press("Escape");
  await answered(page);
  await nextFrame(page);
}

/**
 * @param {Awaited<ReturnType<typeof startBrowser>>} browser @param {string} address
 * @param {{seconds: number, seed?: number, every: number, prepare?: (page: Page) => Promise<unknown>}} options every: seconds
 */
export async function wander(browser, address, { seconds, seed = 1, every, prepare }) {
  const page = await browser.newPage();
  const memory = await memoryOf(page);
  await page.addInitScript(offerControls);
  await prepare?.(page);
  page.on("crash", () => page.problems.push("the page crashed"));
  await page.goto(address);
  await page.waitForSelector("html[data-state=ready]");
  const image = { name: "image.png", mimeType: "image/png", buffer: await page.locator(".stage > canvas").first().screenshot() };
  page.on("filechooser", (chooser) => void chooser.setFiles(image).catch(() => undefined));

  let drawn = 0;
  const random = () => uniformField(seed, ++drawn, 1)[0];
  const wheel = ACTIONS.flatMap(([weight, act]) => Array.from({ length: weight }, () => act));
  /** @type {Record<string, number>} */
  const actions = {};
  /** @type {import("./growth.mjs").Sample[]} */
  const samples = [];
  const start = performance.now();
  const passed = () => (performance.now() - start) / 1000;
  let next = every;
  while (passed() < seconds) {
    const done = await one(random, wheel)(page, random);
    if (done) actions[done] = (actions[done] ?? 0) + 1;
    await page.waitForTimeout(random() * LONGEST_PAUSE);
    if (passed() < next) continue;
    next = passed() + every;
    await goHome(page, address);
    const panel = page.locator(".panel.error");
    if (await panel.count()) page.problems.push(`the page says: ${await panel.first().innerText()}`);
    samples.push({ minutes: passed() / 60, ...(await memory()) });
    if (page.problems.length) break;
  }
  const { problems } = page;
  await page.context().close();
  return { actions, problems, samples, grown: growthOf(samples) };
}

/** Both pages on the outputs of a run. */
export async function wanderSite() {
  const made = await mkdtemp(join(tmpdir(), "grounding-wander-"));
  const server = await startServer({ "/": folders.repository, "/artifacts": folders.artifacts, "/made": made });
  const run = await findRun(folders.artifacts);
  const points = JSON.parse(await readFile(join(folders.artifacts, run.points), "utf8"));
  await writeFilm(made, points, points.checkpoint_sha256);
  const at = (/** @type {string} */ name) => `/artifacts/${name}`;
  return {
    addresses: {
      viewer: `${server.origin}/grounding/latent_space_viewer.html?data=${at(run.points)}&film=/made/a_film.json`,
      playground: `${server.origin}/grounding/interactive_latent_playground.html?assets=${at(run.assets)}&encoder=${at(run.encoder)}&decoder=${at(run.decoder)}`,
    },
    async close() {
      await server.close();
      await rm(made, { recursive: true, force: true });
    },
  };
}

async function main() {
  const given = process.argv.slice(2);
  const option = (/** @type {string} */ name, /** @type {string} */ usual) => (given.includes(name) ? given[given.indexOf(name) + 1] : usual);
  const site = await wanderSite();
  const browser = await startBrowser();
  try {
    const address = site.addresses[/** @type {"viewer" | "playground"} */ (option("--page", "viewer"))];
    const found = await wander(browser, address, {
      seconds: 60 * Number(option("--minutes", "5")),
      seed: Number(option("--seed", "1")),
      every: Number(option("--every", "10")),
    });
    console.log(JSON.stringify(found, null, 2));
    process.exitCode = found.problems.length || found.grown.length ? 1 : 0;
  } finally {
    await browser.close();
    await site.close();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
