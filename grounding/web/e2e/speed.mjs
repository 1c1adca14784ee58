/**
 * How fast the pages are, in a real Chromium. Not a test: it prints JSON.
 *
 *   node e2e/speed.mjs [--loads 7] [--link 1] FILE_latent_points.json FILE_interactive_assets.json ...
 *
 * Interactive assets, with encoder and decoder beside them, are opened in the playground: see
 * playground_speed.mjs. Each other file (with its arrays file, if it has one) is opened in the viewer again and again, with an
 * empty cache and served from 127.0.0.1. Times are milliseconds from the start of the navigation:
 * medians over the loads. `picture`: the first frame with all points has been handed over;
 * `pictures`: all thumbnails are there; `longest`: the longest task of the main thread until then.
 * `pick` is the search for the point under the cursor, `project` the preparation after a move of
 * the camera, both at the size of the file.
 *
 * All of it twice. `withoutGpu`: Chromium as it draws on a computer that has none. `emulatedGpu`: as
 * if there were one, which the processor plays; the whole window then goes through it for each frame,
 * and on few cores it takes them from the page.
 *
 * --link: megabytes a second that all answers share; then nothing but the loading is measured.
 */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";

import { build } from "esbuild";

import { expectWebGL2, folders, startBrowser, startServer } from "./harness.mjs";
import { median } from "./median.mjs";
import { loadTimes, measurePlayground } from "./playground_speed.mjs";

/** @typedef {Awaited<ReturnType<typeof startBrowser>>} Browser */

/** Records long tasks from the first moment on; runs in the page. */
function watchTasks() {
  const tasks = /** @type {number[]} */ ([]);
  new PerformanceObserver((list) => tasks.push(...list.getEntries().map((entry) => entry.duration))).observe({
    type: "longtask",
    buffered: true,
  });
  Object.assign(window, { tasks });
}

/** @param {Browser} browser @param {string} address */
async function loadOnce(browser, address) {
  const page = await browser.newPage();
  await page.addInitScript(watchTasks);
  await page.goto(address);
  await page.waitForSelector("html[data-state=ready]");
  await page.waitForFunction(() => performance.getEntriesByName("pictures").length > 0);
  const found = await page.evaluate(() => {
    const at = (/** @type {string} */ name) => performance.getEntriesByName(name)[0]?.startTime ?? NaN;
    const { tasks } = /** @type {any} */ (window);
    return { script: at("script"), picture: at("picture"), pictures: at("pictures"), longest: Math.max(0, ...tasks) };
  });
  await page.context().close();
  return found;
}

/** @param {Browser} browser @param {string} origin @param {string} file */
async function pickingTimes(browser, origin, file) {
  const page = await browser.newPage();
  await page.goto(`${origin}/speed/index.html`);
  const times = await page.evaluate(
    async ([module, data]) => {
      const { fit, viewProjection, projectPoints, nearestOnScreen } = await import(module);
      const { points } = await (await fetch(data)).json();
      const positions = Float32Array.from(points.flat());
      const camera = fit(positions, 1.3);
      const [project, pick] = [/** @type {number[]} */ ([]), /** @type {number[]} */ ([])];
      for (let i = 0; i < 60; i++) {
        const start = performance.now();
        const matrix = viewProjection({ ...camera, turn: camera.turn + 0.1 * i }, 1.3);
        const screen = projectPoints(positions, matrix, 980, 760);
        const middle = performance.now();
        nearestOnScreen(screen, 300 + 5 * i, 380, 12);
        pick.push(performance.now() - middle);
        project.push(middle - start);
      }
      return { project, pick };
    },
    [`${origin}/speed/picking.js`, file],
  );
  await page.context().close();
  return { project: median(times.project), pick: median(times.pick), pickSlowest: Math.max(...times.pick) };
}

/** @param {string[]} files @param {number} loads @param {number} link bytes a second, or 0 */
async function measure(files, loads, link) {
  const folder = await mkdtemp(join(tmpdir(), "grounding-speed-"));
  const contents = ["camera", "picking"].map((name) => `export * from ${JSON.stringify(join(folders.web, "src", `${name}.js`))};`);
  await build({
    stdin: { contents: contents.join("\n"), resolveDir: folders.web },
    outfile: join(folder, "picking.js"),
    bundle: true,
    format: "esm",
    minify: true,
  });
  await writeFile(join(folder, "index.html"), "<!doctype html><title>speed</title>");
  const mounts = Object.fromEntries(files.map((file, i) => [`/data${i}`, dirname(resolve(file))]));
  const server = await startServer({ "/": folders.repository, "/speed": folder, ...mounts }, { link });
  /** @type {Record<string, Record<string, unknown>>} */
  const results = {};
  try {
    for (const way of ["withoutGpu", "emulatedGpu"]) {
      const browser = await startBrowser({ emulatesGpu: way === "emulatedGpu" });
      try {
        await expectWebGL2(await browser.newPage());
        results[way] = {};
        for (const [i, file] of files.entries()) {
          results[way][basename(file)] = await measureFile(browser, server.origin, `/data${i}/${basename(file)}`, loads, link > 0);
        }
      } finally {
        await browser.close();
      }
    }
  } finally {
    await server.close();
    await rm(folder, { recursive: true, force: true });
  }
  return results;
}

/** @param {Browser} browser @param {string} origin @param {string} data path of the file there @param {number} loads @param {boolean} isSlow */
async function measureFile(browser, origin, data, loads, isSlow) {
  if (data.endsWith("_interactive_assets.json")) {
    const model = data.replace(/_[a-z]+_interactive_assets\.json$/, "");
    const query = `assets=${data}&encoder=${model}_encoder.onnx&decoder=${model}_decoder.onnx`;
    const address = `${origin}/grounding/interactive_latent_playground.html?${query}`;
    return isSlow ? loadTimes(browser, address, loads) : measurePlayground(browser, address, loads);
  }
  const address = `${origin}/grounding/latent_space_viewer.html?data=${data}`;
  /** @type {Awaited<ReturnType<typeof loadOnce>>[]} */
  const found = [];
  for (let load = 0; load < loads; load++) found.push(await loadOnce(browser, address));
  /** @param {keyof typeof found[0]} key */
  const middle = (key) => median(found.map((one) => one[key]));
  return {
    loads,
    script: middle("script"),
    picture: middle("picture"),
    pictures: middle("pictures"),
    longest: middle("longest"),
    ...(!isSlow && (await pickingTimes(browser, origin, `${origin}${data}`))),
  };
}

const parameters = process.argv.slice(2);
/** @param {string} name @param {number} usual */
const option = (name, usual) => (parameters.includes(name) ? Number(parameters.splice(parameters.indexOf(name), 2)[1]) : usual);
const [loads, link] = [option("--loads", 7), 1e6 * option("--link", 0)];
console.log(JSON.stringify(await measure(parameters, loads, link), null, 2));
