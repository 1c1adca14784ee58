/**
 * Two versions of the pages by turns, in a real Chromium: prints JSON, milliseconds.
 *
 *   node e2e/turns.mjs [--pairs 7] [--only viewer | playground] [--without-gpu] BEFORE FILES AFTER FILES
 *       BEFORE, AFTER: checkouts whose pages are built; FILES: the same run as each has exported it
 *
 * A machine that others use is faster now and slower then, which two measurements one after the other
 * take for a difference. So each pair opens both, with an empty cache, and which comes first changes from pair to
 * pair. For each: the medians `before` and `after`, and the median `ratio` of the pairs, after / before.
 *
 * viewer: `picture` and `pictures` as in speed.mjs; `turning`: from frame to frame while a mouse turns the cloud,
 * median and 95th percentile of 60, once the pictures are there; `turningCpu`: what all of the browser's processes
 * computed for one, which hangs less on what else the machine does. playground: `probe`, and `slider`, from the event of
 * a slider to moved marker and readouts, median and 95th percentile of 240, after 40.
 */

import { findRun, startBrowser, startServer } from "./harness.mjs";
import { median } from "./median.mjs";
import { quantile, sliderTimes } from "./playground_speed.mjs";

/** @typedef {Awaited<ReturnType<typeof startBrowser>>} Browser */
/** @typedef {import("./harness.mjs").WatchedPage} Page */
/** @typedef {Record<string, number>} Times */

const [WARM, MOVES, FRAMES] = [40, 240, 60];

/** @param {Page} page @param {string} name */
const mark = (page, name) => page.evaluate((of) => performance.getEntriesByName(of)[0]?.startTime ?? NaN, name);

/** @param {Page} page @param {number} frames the mouse moves once in each */
async function turningTimes(page, frames) {
  const box = await page.locator(".stage > canvas").boundingBox();
  if (!box) throw new Error("no stage");
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  await page.mouse.move(x, y);
  await page.mouse.down();
  const gaps = await page.evaluate(
    async ([count, x, y]) => {
      const canvas = /** @type {HTMLCanvasElement} */ (document.querySelector(".stage > canvas"));
      const times = /** @type {number[]} */ ([]);
      await new Promise((resolve) => {
        const frame = () => {
          times.push(performance.now());
          if (times.length > count) return resolve(undefined);
          const [clientX, clientY] = [x + 100 * Math.sin(times.length / 9), y + 60 * Math.cos(times.length / 7)];
          canvas.dispatchEvent(new PointerEvent("pointermove", { pointerId: 1, clientX, clientY, buttons: 1, pointerType: "mouse", bubbles: true }));
          requestAnimationFrame(frame);
        };
        requestAnimationFrame(frame);
      });
      return times.slice(1).map((time, i) => time - times[i]);
    },
    /** @type {const} */ ([frames, x, y]),
  );
  await page.mouse.up();
  return gaps;
}

/** Processor time of the whole browser so far, in milliseconds. @param {Page} page */
async function processorTime(page) {
  const session = await /** @type {import("playwright-core").Browser} */ (page.context().browser()).newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  await session.detach();
  return 1000 * processInfo.reduce((sum, { cpuTime }) => sum + cpuTime, 0);
}

/** @param {Page} page @returns {Promise<Times>} */
async function ofViewer(page) {
  await page.waitForFunction(() => performance.getEntriesByName("pictures").length > 0);
  const [picture, pictures] = [await mark(page, "picture"), await mark(page, "pictures")];
  await page.waitForTimeout(500);
  await turningTimes(page, 10);
  const before = await processorTime(page);
  const gaps = await turningTimes(page, FRAMES);
  const turningCpu = ((await processorTime(page)) - before) / FRAMES;
  return { picture, pictures, turning: quantile(gaps, 0.5), turningP95: quantile(gaps, 0.95), turningCpu };
}

/** @param {Page} page @returns {Promise<Times>} */
async function ofPlayground(page) {
  const probe = await mark(page, "probe");
  await page.waitForTimeout(1500);
  await sliderTimes(page, WARM);
  const moves = await sliderTimes(page, MOVES);
  return { probe, slider: quantile(moves, 0.5), sliderP95: quantile(moves, 0.95) };
}

const PAGES = {
  viewer: { measure: ofViewer, address: (/** @type {any} */ run) => `latent_space_viewer.html?data=/files/${run.points}` },
  playground: {
    measure: ofPlayground,
    address: (/** @type {any} */ run) => `interactive_latent_playground.html?assets=/files/${run.assets}&encoder=/files/${run.encoder}&decoder=/files/${run.decoder}`,
  },
};

/** @param {Browser} browser @param {string} address @param {(page: Page) => Promise<Times>} measure */
async function once(browser, address, measure) {
  const page = await browser.newPage();
  await page.goto(address);
  await page.waitForSelector("html[data-state=ready]");
  const times = await measure(page);
  await page.context().close();
  return times;
}

/** @param {[Times, Times][]} pairs before and after of each */
function summary(pairs) {
  return Object.fromEntries(
    Object.keys(pairs[0][0]).map((name) => {
      const [before, after] = [0, 1].map((i) => median(pairs.map((pair) => pair[i][name])));
      return [name, { before, after, ratio: median(pairs.map(([one, other]) => other[name] / one[name])) }];
    }),
  );
}

const given = process.argv.slice(2);
/** @param {string} name @param {string} usual */
const option = (name, usual) => (given.includes(name) ? given.splice(given.indexOf(name), 2)[1] : usual);
const pairs = Number(option("--pairs", "7"));
const only = option("--only", "");
const emulatesGpu = !given.includes("--without-gpu");
const [before, filesBefore, after, filesAfter] = given.filter((one) => !one.startsWith("--"));
const servers = [];
for (const [repository, files] of [[before, filesBefore], [after, filesAfter]]) servers.push(await startServer({ "/": repository, "/files": files }));
const runs = [await findRun(filesBefore), await findRun(filesAfter)];
const browser = await startBrowser({ emulatesGpu });
/** @type {Record<string, unknown>} */
const results = { pairs };
try {
  for (const [name, { address, measure }] of Object.entries(PAGES)) {
    if (only && name !== only) continue;
    /** @type {[Times, Times][]} */
    const found = [];
    for (let pair = 0; pair < pairs; pair++) {
      /** @type {Times[]} */
      const times = [];
      for (const side of pair % 2 ? [1, 0] : [0, 1]) times[side] = await once(browser, `${servers[side].origin}/grounding/${address(runs[side])}`, measure);
      found.push([times[0], times[1]]);
    }
    results[name] = summary(found);
  }
  console.log(JSON.stringify(results, null, 2));
} finally {
  await browser.close();
  for (const server of servers) await server.close();
}
