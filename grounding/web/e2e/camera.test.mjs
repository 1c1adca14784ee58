/** The camera of both pages in a real Chromium: where a zoom goes, what a fit shows, and the way back. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { cameraFromVector, fit, project, viewProjection } from "../src/camera.js";
import { expectAccessible } from "./accessible.mjs";
import { expectNoProblems, nextFrame, PHONE } from "./harness.mjs";
import { address, browser, file, prepare, shared } from "./viewer_site.mjs";

/** @typedef {import("./harness.mjs").WatchedPage} Page */

prepare();

/** @param {Page} page @param {string} name */
const parameter = (page, name) => new URL(page.url()).searchParams.get(name);

/** Once the camera rests, and the address says where. @param {Page} page */
async function settled(page) {
  let before = "";
  // A flight, and the pause before the address is written.
  await page.waitForTimeout(600);
  for (let same = 0; same < 2; same = before === page.url() ? same + 1 : 0) {
    before = page.url();
    await page.waitForTimeout(150);
  }
}

/** Where points are on the stage, by the address. @param {Page} page */
async function places(page) {
  await settled(page);
  const box = await page.locator(".stage > canvas").boundingBox();
  assert(box);
  const aspect = box.width / box.height;
  const camera = cameraFromVector(parameter(page, "camera")?.split("_").map(Number) ?? null) ?? fit(file.points.flat(), aspect);
  const matrix = viewProjection(camera, aspect, parameter(page, "view") === "2d" ? 1 : 0);
  return file.points.map(([x, y, z]) => {
    const at = project(matrix, x, y, z, box.width, box.height);
    return { x: box.x + at.x, y: box.y + at.y, isSeen: at.x >= 0 && at.y >= 0 && at.x <= box.width && at.y <= box.height, depth: at.depth };
  });
}

/** The point farthest to the left stands alone. @param {{x: number}[]} all */
const leftmost = (all) => all.reduce((best, { x }, i) => (x < all[best].x ? i : best), 0);

test("a wheel keeps the point under the cursor there; a double click flies to it", async () => {
  const page = await shared.open(address);
  const before = await places(page);
  const row = leftmost(before);
  const cursor = { x: Math.round(before[row].x), y: Math.round(before[row].y) };
  await page.mouse.move(cursor.x, cursor.y);
  for (let i = 0; i < 2; i++) await page.mouse.wheel(0, -250);
  const now = (await places(page))[row];
  // The cursor is on a whole pixel: what the point is beside it grows with all else.
  assert(Math.hypot(now.x - cursor.x, now.y - cursor.y) < 2.5, JSON.stringify([before[row], now]));
  assert(now.depth < 0.6 * before[row].depth);
  await page.mouse.dblclick(now.x, now.y);
  const [at, box] = [(await places(page))[row], await page.locator(".stage > canvas").boundingBox()];
  assert(box && Math.hypot(at.x - box.x - box.width / 2, at.y - box.y - box.height / 2) < 2);
  assert.equal(parameter(page, "select"), String(row), "the first of two clicks chooses");
  expectNoProblems(page);
});

test("nothing in view is told, with a way back; fit shows the class that stands alone", async () => {
  const page = await shared.open(`${address}&camera=0_0_0.5_900_900_900`);
  const back = page.locator(".lost");
  await back.waitFor();
  await expectAccessible(page, "nothing in view");
  await back.getByRole("button").click();
  assert((await places(page)).every(({ isSeen }) => isSeen));
  assert(await back.isHidden());
  await page.locator(".legend-only").nth(2).click();
  await page.getByRole("button", { name: "Fit" }).click();
  const all = await places(page);
  const of = all.filter((_, i) => file.labels[i] === [...new Set(file.labels)].sort((a, b) => a - b)[2]);
  assert(of.every(({ isSeen }) => isSeen));
  const spread = (/** @type {typeof all} */ some) => Math.max(...some.map(({ x }) => x)) - Math.min(...some.map(({ x }) => x));
  assert(spread(of) < spread(all));
  expectNoProblems(page);
});

test("flat: a drag and the arrows move, nothing turns, and the address keeps it", async () => {
  const page = await shared.open(address, { reducedMotion: "reduce" });
  await page.locator(".stage > canvas").focus();
  await page.keyboard.press("2");
  assert(await page.getByRole("button", { name: "Turn" }).isHidden());
  const before = await places(page);
  const [turn, tilt] = String(parameter(page, "camera")).split("_");
  await page.mouse.move(400, 400);
  await page.mouse.down();
  await page.mouse.move(460, 420, { steps: 3 });
  await page.mouse.up();
  await page.keyboard.press("ArrowRight");
  const now = await places(page);
  assert.deepEqual(String(parameter(page, "camera")).split("_").slice(0, 2), [turn, tilt]);
  for (const row of [0, 9]) assert(Math.hypot(now[row].x - before[row].x - 90, now[row].y - before[row].y - 20) < 2);
  await page.keyboard.press("3");
  await page.waitForFunction(() => location.search.includes("view=3d"));
  assert(await page.getByRole("button", { name: "Turn" }).isVisible());
  expectNoProblems(page);
});

test("two fingers: what is between them stays between them", async () => {
  const page = await shared.open(address, PHONE);
  const before = await places(page);
  const row = leftmost(before);
  const { x, y } = before[row];
  await page.evaluate(([cx, cy]) => {
    const canvas = /** @type {HTMLCanvasElement} */ (document.querySelector(".stage > canvas"));
    canvas.setPointerCapture = () => undefined;
    const send = (/** @type {string} */ type, /** @type {number} */ id, /** @type {number} */ dx) =>
      canvas.dispatchEvent(new PointerEvent(type, { pointerId: id, pointerType: "touch", clientX: cx + dx, clientY: cy, bubbles: true }));
    send("pointerdown", 1, -20);
    send("pointerdown", 2, 20);
    for (let i = 1; i <= 6; i++) {
      send("pointermove", 1, -20 - 4 * i);
      send("pointermove", 2, 20 + 4 * i);
    }
    send("pointerup", 1, -44);
    send("pointerup", 2, 44);
  }, [x, y]);
  const now = (await places(page))[row];
  assert(Math.hypot(now.x - x, now.y - y) < 8, JSON.stringify([before[row], now]));
  assert(now.depth < 0.8 * before[row].depth);
  expectNoProblems(page);
});

test("opened plainly the cloud turns until it is touched, then the page asks for no frames; never with reduced motion", async () => {
  /** Frames that are asked for within this time, or `enough` of them before. @param {Page} page @param {number} ms */
  const frames = (page, ms, enough = Infinity) =>
    page.evaluate(
      async ([wait, most]) => {
        const own = window.requestAnimationFrame;
        let asked = 0;
        await new Promise((resolve) => {
          window.requestAnimationFrame = (callback) => {
            if (++asked >= most) resolve(null);
            return own.call(window, callback);
          };
          setTimeout(resolve, wait);
        });
        window.requestAnimationFrame = own;
        return asked;
      },
      [ms, enough],
    );
  for (const [more, options, turns] of /** @type {const} */ ([["", {}, true], ["", { reducedMotion: "reduce" }, false], ["&camera=1_0.2_20_0_0_0", {}, false]])) {
    const page = await browser.newPage(options, { turns: true });
    await page.goto(address + more);
    await page.waitForSelector("html[data-state=ready]");
    await page.waitForTimeout(800);
    assert.equal((await frames(page, turns ? 6_000 : 1_500, 3)) > 2, turns, `${more} ${JSON.stringify(options)}`);
    if (turns) {
      assert.equal(parameter(page, "camera"), null, "while it turns, the address is left alone");
      await page.keyboard.press("Shift");
      await page.waitForFunction(() => location.search.includes("camera="));
      await nextFrame(page);
      assert.equal(await frames(page, 300), 0);
    }
    expectNoProblems(page);
    await page.context().close();
  }
});
