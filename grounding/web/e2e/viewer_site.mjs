/**
 * What the viewer's tests on the points of the trained run share: a server, a browser, a page.
 *
 *   prepare()     call once in a test file
 *   browser       for pages of one's own
 *   shared        harness.mjs's sharedPages: one page of each kind of screen
 *   address       of the viewer with the test points; `${address}&select=3` says more
 *   file          what the JSON of these points holds
 */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before } from "node:test";

import { findRun, folders, sharedPages, startBrowser, startServer } from "./harness.mjs";

/** @type {Awaited<ReturnType<typeof startServer>>} */
let server;
/** @type {Awaited<ReturnType<typeof startBrowser>>} */
export let browser;
/** @type {ReturnType<typeof sharedPages>} */
export let shared;
export let address = "";
/** @type {{points: number[][], labels: number[], indices: number[], neighbors: number[][], reconstruction_error: number[]}} */
export let file;

export function prepare() {
  before(async () => {
    server = await startServer({ "/": folders.repository, "/artifacts": folders.artifacts });
    browser = await startBrowser();
    shared = sharedPages(browser);
    const { points } = await findRun(folders.artifacts);
    address = `${server.origin}/grounding/latent_space_viewer.html?data=/artifacts/${points}`;
    file = JSON.parse(await readFile(join(folders.artifacts, points), "utf8"));
  });
  after(async () => {
    await browser?.close();
    await server?.close();
  });
}
