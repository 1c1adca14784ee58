/**
 * Pages in a real Chromium, served from 127.0.0.1.
 *
 *   const server = await startServer({"/": folder, "/artifacts": folder}, {headers, link});
 *       link: bytes a second, for all answers together; as `grounding serve`, packed on the way
 *       server.origin, server.requests (paths asked for), server.close()
 *       server.holds: path -> bytes after which a connection waits; server.cut() breaks all that wait
 *   const browser = await startBrowser({emulatesGpu});  browser.newPage(), browser.close()
 *       it draws the page itself, as on a computer without a GPU, and only WebGL with the emulator
 *       (Chromium's docs/gpu/swiftshader.md); emulatesGpu: true: the whole window with it, as if there
 *       were a GPU, which takes half as much processor time again
 *   PHONE                                       for newPage: as on a phone
 *   const page = await browser.newPage({viewport, colorScheme, reducedMotion, hasTouch, isFirstVisit}, {turns});
 *       turns: true: the cloud may turn by itself; otherwise the page is touched as soon as it is ready
 *       page: playwright's; page.problems: console errors and warnings, uncaught errors, requests to
 *       other origins; expectNoProblems(page, allowed) fails on any
 *   await answered(page)                        all that was asked of the page's worker, and painted
 *   const pages = sharedPages(browser);
 *   const page = await pages.open(url, options)  loaded once for each of our pages and kind of screen;
 *       after that it goes to the address as the back button would, which takes a hundredth of the time
 *   folders: {repository, web, dist, artifacts}; artifacts is GROUNDING_E2E_ARTIFACTS or
 *   <repository>/artifacts
 *   findRun(artifacts) -> {points, assets, encoder, decoder}: file names of one run
 *   loseContext(page)                           takes the graphics away, and gives them back soon
 *   await nextFrame(page)                       what was left to the next frame has been painted
 */

import assert from "node:assert/strict";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, extname, join, normalize, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

import { chromium } from "playwright-core";

import { findChromium } from "./chromium.mjs";

const web = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const repository = resolve(web, "..", "..");

export const folders = {
  repository,
  web,
  dist: join(web, "dist"),
  artifacts: process.env.GROUNDING_E2E_ARTIFACTS ?? join(repository, "artifacts"),
};

/** Options of a page as on a phone. */
export const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

/** The policy that the pages must work under. */
export const CONTENT_SECURITY_POLICY =
  "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; " +
  "img-src 'self' data: blob:; worker-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'";

/** @type {Record<string, string>} */
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".css": "text/css",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

/**
 * @param {Record<string, string>} mounts path prefix -> folder; the longest prefix wins
 * @param {{headers?: Record<string, string>, link?: number}} [options]
 */
export async function startServer(mounts, { headers = {}, link } = {}) {
  const send = link ? slowly(link) : null;
  const prefixes = Object.keys(mounts).sort((a, b) => b.length - a.length);
  /** @type {string[]} */
  const requests = [];
  /** @type {Map<string, number>} */
  const holds = new Map();
  /** @type {Set<import("node:http").ServerResponse>} */
  const held = new Set();
  const server = createServer(async (request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url ?? "/", "http://x").pathname));
    requests.push(path);
    const prefix = prefixes.find((known) => path === known || path.startsWith(known.replace(/\/?$/, "/")));
    try {
      const file = join(mounts[prefix ?? "/"], path.slice((prefix ?? "/").length));
      const whole = await readFile(file);
      const from = Number(request.headers.range?.match(/^bytes=(\d+)-$/)?.[1] ?? 0);
      const isPacked = link && !from && PACKED.includes(extname(file));
      const body = isPacked ? gzipSync(whole, { level: 1 }) : whole.subarray(from);
      const type = TYPES[extname(file)] ?? "application/octet-stream";
      response.writeHead(from ? 206 : 200, {
        "Content-Type": type,
        "Content-Length": body.length,
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        ...(from && { "Content-Range": `bytes ${from}-${whole.length - 1}/${whole.length}` }),
        ...(isPacked && { "Content-Encoding": "gzip" }),
        ...headers,
      });
      const sent = holds.get(path);
      if (send) send(response, body);
      else if (sent === undefined) response.end(body);
      else held.add(response) && response.write(body.subarray(0, sent));
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const address = server.address();
  assert(address && typeof address === "object");
  return {
    origin: `http://127.0.0.1:${address.port}`,
    requests,
    holds,
    cut() {
      for (const response of held) response.destroy();
      held.clear();
    },
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What `grounding serve` packs. */
const PACKED = [".css", ".html", ".js", ".json", ".safetensors", ".txt"];
const PIECE = 4_096;

/**
 * A link that answers share: each in turn sends a piece.
 * @param {number} bytesPerSecond
 * @returns {(response: import("node:http").ServerResponse, body: Buffer) => void}
 */
function slowly(bytesPerSecond) {
  /** @type {{response: import("node:http").ServerResponse, left: Buffer}[]} */
  const waiting = [];
  let [free, isSending] = [0, false];
  const turn = () => {
    for (let now = performance.now(); waiting.length && free <= now; ) {
      const one = /** @type {typeof waiting[0]} */ (waiting.shift());
      if (one.response.destroyed) continue;
      const piece = one.left.subarray(0, PIECE);
      one.left = one.left.subarray(PIECE);
      free = Math.max(free, now - 20) + (1000 * piece.length) / bytesPerSecond;
      if (one.left.length) waiting.push(one) && one.response.write(piece);
      else one.response.end(piece);
    }
    isSending = waiting.length > 0;
    if (isSending) setTimeout(turn, 4);
  };
  return (response, left) => {
    waiting.push({ response, left });
    if (!isSending) turn();
  };
}

const FLAGS = [
  "--no-sandbox",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--enable-unsafe-swiftshader",
];
const EMULATED_GPU = "--use-angle=swiftshader";

export async function startBrowser({ emulatesGpu = false } = {}) {
  const profile = await mkdtemp(join(tmpdir(), "grounding-chromium-"));
  const executablePath = findChromium();
  assert(executablePath, "no Chromium found; name one in GROUNDING_CHROMIUM");
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    headless: true,
    args: emulatesGpu ? [...FLAGS, EMULATED_GPU] : FLAGS,
    viewport: { width: 1280, height: 800 },
  });
  const inner = context.browser();
  return {
    /**
     * @param {import("playwright-core").BrowserContextOptions & {isFirstVisit?: boolean}} [options]
     * @param {{turns?: boolean}} [how]
     */
    async newPage({ isFirstVisit = false, ...options } = {}, { turns = false } = {}) {
      assert(inner, "the browser is gone");
      const own = await inner.newContext({ viewport: { width: 1280, height: 800 }, ...options });
      const page = await own.newPage();
      if (!isFirstVisit) await page.addInitScript(closeStory);
      await page.addInitScript(countQuestions);
      if (!turns) await page.addInitScript(touchWhenReady);
      return watched(page);
    },
    async close() {
      await context.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}

/** @typedef {import("playwright-core").Page & {problems: string[]}} WatchedPage */

/** Chromium's own words about slow read-back in software rendering. */
const HARMLESS = /GPU stall due to ReadPixels|Automatic fallback to software WebGL/;

/** @param {import("playwright-core").Page} page @returns {WatchedPage} */
function watched(page) {
  /** @type {string[]} */
  const problems = [];
  page.on("console", (message) => {
    if (!["error", "warning"].includes(message.type()) || HARMLESS.test(message.text())) return;
    problems.push(`${message.type()}: ${message.text()} (${message.location().url})`);
  });
  page.on("pageerror", (error) => problems.push(`uncaught: ${error.message}`));
  page.on("request", (request) => {
    const url = new URL(request.url());
    const isOwn = ["127.0.0.1", "localhost"].includes(url.hostname) || ["data:", "blob:"].includes(url.protocol);
    if (!isOwn) problems.push(`foreign request: ${url}`);
  });
  return Object.assign(page, { problems });
}

/** @param {WatchedPage} page @param {RegExp} [allowed] */
export function expectNoProblems(page, allowed) {
  const left = page.problems.filter((problem) => !allowed?.test(problem));
  assert.deepEqual(left, []);
}

/** @param {WatchedPage} page */
export async function expectWebGL2(page) {
  const version = await page.evaluate(() =>
    String(document.createElement("canvas").getContext("webgl2")?.getParameter(WebGL2RenderingContext.VERSION)),
  );
  assert.match(version, /WebGL 2/);
}

/** @param {string} artifacts */
export async function findRun(artifacts) {
  const names = (await readdir(artifacts)).sort();
  /** @param {string} end */
  const one = (end) => {
    const name = names.find((known) => known.endsWith(end));
    assert(name, `no *${end} in ${artifacts}; run \`grounding run --config 2\` first`);
    return name;
  };
  return {
    points: one("_latent_points.json"),
    assets: one("_interactive_assets.json"),
    encoder: one("_encoder.onnx"),
    decoder: one("_decoder.onnx"),
  };
}

/** In a page, before its own scripts: its reader has seen the story. */
function closeStory() {
  try {
    localStorage.setItem("grounding.story", "closed");
  } catch {
    // A frame without storage, where none opens.
  }
}

/** In a page, before its own scripts: keeps count of what its worker was asked and has not answered. */
function countQuestions() {
  /** @type {Map<number, string>} */
  const open = new Map();
  const own = /** @type {any} */ (window);
  own.openQuestions = open;
  own.Worker = class extends Worker {
    /** @param {string | URL} url @param {WorkerOptions} [options] */
    constructor(url, options) {
      super(url, options);
      this.addEventListener("message", ({ data: { id, answer, error, decoded } }) => {
        // The picture of a probe follows its answer.
        if (answer && open.get(id) === "probe") open.set(id, "picture");
        else if (answer !== undefined || error || decoded) open.delete(id);
      });
    }
    /** @override @param {any} message @param {any} [more] */
    postMessage(message, more) {
      if (message?.ask) open.set(message.id, message.ask);
      super.postMessage(message, more);
    }
  };
}

/** In a page, before its own scripts: as if the reader had touched something. */
function touchWhenReady() {
  new MutationObserver((_, observer) => {
    if (document.documentElement?.dataset.state !== "ready") return;
    observer.disconnect();
    setTimeout(() => dispatchEvent(new Event("pointerdown")));
  }).observe(document, { subtree: true, attributes: true, attributeFilter: ["data-state"] });
}

/** @param {import("playwright-core").Page} page */
export async function answered(page) {
  await page.waitForFunction(() => /** @type {any} */ (window).openQuestions.size === 0);
  await nextFrame(page);
}

/** @param {Awaited<ReturnType<typeof startBrowser>>} browser */
export function sharedPages(browser) {
  /** @type {Map<string, WatchedPage>} */
  const kept = new Map();
  return {
    /** @param {string} url @param {import("playwright-core").BrowserContextOptions} [options] */
    async open(url, { hasTouch = false, isMobile = false, viewport = { width: 1280, height: 800 }, ...media } = {}) {
      const { pathname, search } = new URL(url);
      const key = JSON.stringify([pathname, hasTouch, isMobile]);
      const known = kept.get(key);
      if (!known) {
        const page = await browser.newPage({ hasTouch, isMobile, viewport, ...media });
        kept.set(key, page);
        await page.goto(url);
        await page.waitForSelector("html[data-state=ready]");
        return page;
      }
      await known.setViewportSize(/** @type {{width: number, height: number}} */ (viewport));
      await known.emulateMedia({ colorScheme: "light", reducedMotion: "no-preference", ...media });
      await known.evaluate((to) => {
        history.pushState(null, "", to);
        dispatchEvent(new PopStateEvent("popstate"));
      }, search);
      await answered(known);
      return known;
    },
  };
}

/** @param {import("playwright-core").Page} page */
export function nextFrame(page) {
  return page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
}

/** Takes the graphics away from a page's stage, and gives them back soon. @param {WatchedPage} page */
export function loseContext(page) {
  return page.evaluate(() => {
    const context = /** @type {HTMLCanvasElement} */ (document.querySelector(".stage > canvas")).getContext("webgl2");
    const extension = context?.getExtension("WEBGL_lose_context");
    extension?.loseContext();
    setTimeout(() => extension?.restoreContext(), 300);
  });
}
