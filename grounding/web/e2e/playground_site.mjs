/**
 * What the playground's tests share: a server, a browser, one page of each kind of screen.
 *
 *   prepare()                        call once in a test file
 *   await open("&digit=3", options)  the page that tests share, running and showing this
 *   await load("&digit=3", options)  a page of its own, loaded from this address; closed after the test
 *   visit(search)                    the same, without waiting
 *   site()                           {origin, run, plain, changed}: plain is what the assets' JSON
 *                                    holds without its arrays file and without a word of its manifest,
 *                                    changed a folder for other files
 */

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before } from "node:test";

import { findRun, folders, nextFrame, sharedPages, startBrowser, startServer } from "./harness.mjs";

export { expectAccessible } from "./accessible.mjs";

/** @typedef {import("./harness.mjs").WatchedPage} Page */
/** @typedef {{origin: string, run: Awaited<ReturnType<typeof findRun>>, plain: any, changed: string}} Site */

export const PAGE = "/grounding/interactive_latent_playground.html";

/** @type {Awaited<ReturnType<typeof startServer>>} */
let server;
/** @type {Awaited<ReturnType<typeof startBrowser>>} */
let browser;
/** @type {ReturnType<typeof sharedPages>} */
let shared;
/** @type {Site} */
let made;
/** @type {Page[]} */
let pages = [];

export const site = () => made;

export function prepare() {
  before(async () => {
    const changed = await mkdtemp(join(tmpdir(), "grounding-changed-"));
    const run = await findRun(folders.artifacts);
    const { arrays, made_from, ...plain } = JSON.parse(await readFile(join(folders.artifacts, run.assets), "utf8"));
    assert(arrays && made_from, "the assets name no arrays file");
    server = await startServer({ "/": folders.repository, "/artifacts": folders.artifacts, "/changed": changed });
    browser = await startBrowser();
    shared = sharedPages(browser);
    made = { origin: server.origin, run, plain, changed };
  });
  afterEach(async () => {
    for (const page of pages) await page.context().close();
    pages = [];
  });
  after(async () => {
    await browser?.close();
    await server?.close();
    if (made) await rm(made.changed, { recursive: true, force: true });
  });
}

/** @param {Parameters<typeof browser.newPage>[0]} [options] */
export async function newPage(options) {
  const page = await browser.newPage(options);
  pages.push(page);
  return page;
}

/** @param {Partial<{assets: string, encoder: string, decoder: string}>} [other] */
export function query(other = {}) {
  const files = { assets: `/artifacts/${made.run.assets}`, encoder: `/artifacts/${made.run.encoder}`, decoder: `/artifacts/${made.run.decoder}`, ...other };
  return Object.entries(files).map(([name, url]) => `${name}=${url}`).join("&");
}

/** @param {string} search @param {Parameters<typeof browser.newPage>[0]} [options] */
export async function visit(search, options) {
  const page = await newPage(options);
  await page.goto(`${made.origin}${PAGE}?${search}`);
  return page;
}

/** How far references lie from each other is measured. @param {Page} page */
async function measured(page) {
  await page.waitForSelector("html[data-state=ready]");
  await page.waitForFunction(() => !document.querySelector(".readouts")?.textContent?.includes("…"));
  return page;
}

/** @param {string} [more] @param {Parameters<typeof browser.newPage>[0]} [options] @param {string} [files] */
export async function load(more = "", options, files = query()) {
  return measured(await visit(`${files}${more}`, options));
}

/** @param {string} [more] @param {Parameters<typeof browser.newPage>[0]} [options] */
export async function open(more = "", options) {
  return measured(await shared.open(`${made.origin}${PAGE}?${query()}${more}`, options));
}

/** @param {Page} page @param {string} selector of a canvas */
export async function picture(page, selector) {
  await nextFrame(page);
  return page.locator(selector).evaluate((canvas) => /** @type {HTMLCanvasElement} */ (canvas).toDataURL());
}

/** What the reader sees of the answer. @param {Page} page */
export const answer = (page) => page.locator(".neighbors").innerText();

/** Wait for another answer. @param {Page} page @param {() => Promise<unknown>} act */
export async function changes(page, act) {
  const before = await answer(page);
  await act();
  await page.waitForFunction((text) => /** @type {HTMLElement} */ (document.querySelector(".neighbors")).innerText !== text, before);
  return answer(page);
}

/** What the address says beside the files. @param {Page} page */
export const link = (page) => new URL(page.url()).search.split(/&decoder=[^&]*/)[1];

/** @param {Page} page @param {string} name @param {number} value */
export const slide = (page, name, value) =>
  page.locator(`input[name=${name}]`).evaluate((input, to) => {
    /** @type {HTMLInputElement} */ (input).value = String(to);
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }, value);

/** @param {Page} page @param {RegExp} pattern */
export const address = (page, pattern) => page.waitForFunction(([source]) => new RegExp(source).test(location.search), [pattern.source]);
