/**
 * How fast the playground is, in a real Chromium: what speed.mjs prints for it.
 *
 *   await measurePlayground(browser, address, loads) -> milliseconds
 *
 * `script`, `probe`: from the start of the navigation until the page's script runs and until the
 * first probe is shown (medians over loads, empty cache). `slider`: from the event of a slider to
 * moved marker and written readouts, over all sliders; `bars`: the same of the bars of the latent. `look`: from
 * the cursor's event to the picture beside it. `longestTask`: of the main thread while a
 * mouse drags a slider. `search`: one neighbour search in the worker's way, over its references. `flow`,
 * null without dynamics: frames in a second while all points move, their median and 95th percentile, and
 * one step of f in the worker.
 */

import { median } from "./median.mjs";

/** @typedef {Awaited<ReturnType<typeof import("./harness.mjs").startBrowser>>} Browser */
/** @typedef {import("./harness.mjs").WatchedPage} Page */

const EVENTS = 240;

/** @param {Browser} browser @param {string} address */
async function opened(browser, address) {
  const page = await browser.newPage();
  await page.goto(address);
  await page.waitForSelector("html[data-state=ready]");
  return page;
}

/** @param {Browser} browser @param {string} address @param {number} loads */
export async function loadTimes(browser, address, loads) {
  const found = [];
  for (let i = 0; i < loads; i++) {
    const page = await opened(browser, address);
    found.push(
      await page.evaluate(() => {
        const at = (/** @type {string} */ name) => performance.getEntriesByName(name)[0]?.startTime ?? NaN;
        return { script: at("script"), probe: at("probe") };
      }),
    );
    await page.context().close();
  }
  return { loads, script: median(found.map(({ script }) => script)), probe: median(found.map(({ probe }) => probe)) };
}

/**
 * One slider after the other, as a hand comes to them. Each event waits for its answer; the readouts are written in the same task as the
 * marker moves.
 * @param {Page} page @param {number} events @param {string} [holder] of the sliders
 */
export function sliderTimes(page, events, holder = ".augmentation") {
  return page.evaluate(async ([count, holder]) => {
    const inputs = /** @type {HTMLInputElement[]} */ ([...document.querySelectorAll(`${holder} input[type=range]`)]).slice(0, 10);
    const results = /** @type {HTMLElement} */ (document.querySelector(".results"));
    const times = [];
    for (let i = 0; i < count; i++) {
      const input = inputs[Math.floor(i / Math.ceil(count / inputs.length))];
      const [min, max] = [Number(input.min), Number(input.max)];
      const share = 0.5 + 0.4 * Math.sin(1 + 0.7 * i);
      input.value = String(input.name === "scale" ? 0.6 + share : min + share * (max - min) * 0.5);
      await new Promise((resolve) => setTimeout(resolve, i % Math.ceil(count / inputs.length) ? 16 : 300));
      times.push(
        await new Promise((resolve) => {
          const start = performance.now();
          const observer = new MutationObserver(() => {
            observer.disconnect();
            resolve(performance.now() - start);
          });
          observer.observe(results, { subtree: true, characterData: true, childList: true, attributes: true });
          input.dispatchEvent(new Event("input", { bubbles: true }));
        }),
      );
    }
    return /** @type {number[]} */ (times);
  }, /** @type {const} */ ([events, holder]));
}

/** Each move of the cursor waits for the picture beside it. @param {Page} page @param {number} events */
function lookTimes(page, events) {
  return page.evaluate(async (count) => {
    const canvas = /** @type {HTMLCanvasElement} */ (document.querySelector(".stage > canvas"));
    const card = /** @type {HTMLElement} */ (document.querySelector(".look"));
    const box = canvas.getBoundingClientRect();
    const times = /** @type {number[]} */ ([]);
    for (let i = 0; i < count; i++) {
      const [clientX, clientY] = [box.left + box.width * (0.5 + 0.12 * Math.sin(0.7 * i)), box.top + box.height * (0.5 + 0.15 * Math.cos(0.9 * i))];
      await new Promise((resolve) => setTimeout(resolve, 16));
      const start = performance.now();
      const time = await new Promise((resolve) => {
        const observer = new MutationObserver(() => {
          observer.disconnect();
          resolve(performance.now() - start);
        });
        observer.observe(card, { attributes: true });
        canvas.dispatchEvent(new PointerEvent("pointermove", { clientX, clientY, pointerType: "mouse", bubbles: true }));
        // Where nothing is near there is no picture.
        if (card.hidden) setTimeout(resolve, 100, null);
      });
      if (time !== null && !card.hidden) times.push(time);
    }
    return times;
  }, events);
}

/** @param {Page} page tasks of the page's main thread while a mouse drags, in milliseconds */
async function draggingTasks(page) {
  const session = await page.context().newCDPSession(page);
  const events = /** @type {any[]} */ ([]);
  session.on("Tracing.dataCollected", ({ value }) => events.push(...value));
  const box = await page.locator(".augmentation input[name=rotation]").boundingBox();
  if (!box) throw new Error("no slider");
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + box.width / 2, y);
  await page.mouse.down();
  await session.send("Tracing.start", {
    traceConfig: { includedCategories: ["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline"] },
  });
  for (let i = 0; i < EVENTS; i++) await page.mouse.move(box.x + box.width * (0.5 + 0.45 * Math.sin(i / 12)), y);
  const ended = new Promise((resolve) => session.once("Tracing.tracingComplete", resolve));
  await session.send("Tracing.end");
  await ended;
  await page.mouse.up();
  const mains = new Set(events.filter(({ name, args }) => name === "thread_name" && args.name === "CrRendererMain").map(({ pid, tid }) => `${pid} ${tid}`));
  const dispatched = events.find(({ name }) => name === "EventDispatch");
  return events
    .filter(({ name, pid, tid, dur }) => name === "RunTask" && dur !== undefined && pid === dispatched?.pid && mains.has(`${pid} ${tid}`))
    .map(({ dur, tdur }) => ({ wall: dur / 1000, cpu: (tdur ?? dur) / 1000 }));
}

const FLOW_MS = 5_000;

/** While all points move, the page's own frames. @param {Browser} browser @param {string} address */
async function flowFrames(browser, address) {
  const page = await opened(browser, `${address}&mode=flow`);
  await page.waitForFunction(() => document.querySelector(".flow-live")?.textContent);
  const hasTrails = await page.waitForSelector(".attractor, .missing:not([hidden])").then((found) => found.evaluate((node) => node.matches(".attractor")));
  await page.waitForTimeout(1000);
  const gaps = await page.evaluate(async (ms) => {
    /** @type {HTMLElement} */ (document.querySelector(".flow-play")).click();
    const times = /** @type {number[]} */ ([]);
    await new Promise((resolve) => {
      const frame = (/** @type {number} */ now) => {
        times.push(now);
        if (now - times[0] < ms) requestAnimationFrame(frame);
        else resolve(undefined);
      };
      requestAnimationFrame(frame);
    });
    return times.slice(1).map((time, i) => time - times[i]);
  }, FLOW_MS);
  const step = Number((await page.locator(".flow-live").innerText()).match(/takes ([\d.]+) ms/)?.[1]);
  await page.context().close();
  const perSecond = Math.round((10_000 * gaps.length) / gaps.reduce((sum, gap) => sum + gap, 0)) / 10;
  return hasTrails ? { perSecond, median: quantile(gaps, 0.5), p95: quantile(gaps, 0.95), step } : null;
}

/** @param {number[]} values @param {number} share */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] * 100) / 100;
}

/** @param {number[]} tasks */
function longest(tasks) {
  return { longest: quantile(tasks, 1), p99: quantile(tasks, 0.99), over8: tasks.filter((task) => task > 8).length };
}

/** @param {Browser} browser @param {string} address @param {number} loads */
export async function measurePlayground(browser, address, loads) {
  const load = await loadTimes(browser, address, loads);
  const page = await opened(browser, address);
  await page.waitForTimeout(1500);
  await sliderTimes(page, 30);
  const slider = await sliderTimes(page, EVENTS);
  const look = await lookTimes(page, EVENTS);
  await page.locator(".latent summary").click();
  await page.waitForSelector(".latent-bars input");
  const bars = await sliderTimes(page, EVENTS, ".latent-bars");
  await page.locator(".latent summary").click();
  const tasks = await draggingTasks(page);
  await page.context().close();
  const flow = await flowFrames(browser, address);
  return {
    ...load,
    flow,
    slider: { events: slider.length, median: quantile(slider, 0.5), p95: quantile(slider, 0.95) },
    bars: { events: bars.length, median: quantile(bars, 0.5), p95: quantile(bars, 0.95) },
    look: { events: look.length, median: quantile(look, 0.5), p95: quantile(look, 0.95) },
    dragging: { tasks: tasks.length, ...longest(tasks.map(({ wall }) => wall)), onCpu: longest(tasks.map(({ cpu }) => cpu)) },
  };
}
