/**
 * The pages in a notebook's cell: the widget's front end in Chromium, its kernel a real Python.
 *
 * The host page is about:blank under the strictest policy that a notebook has (VS Code's, when it
 * is switched on), so there is no server that anything could be asked of.
 */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";

import { expectNoProblems, findRun, folders, startBrowser } from "./harness.mjs";

const POLICY =
  "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' data:; style-src 'unsafe-inline'; " +
  "img-src https: http: data:; font-src https:; connect-src https:; child-src https: data:";

/** @type {Awaited<ReturnType<typeof startBrowser>>} */
let browser;
/** @type {Awaited<ReturnType<typeof startKernel>>} */
let kernel;
/** @type {string} */
let copy;

before(async () => {
  browser = await startBrowser();
  copy = await mkdtemp(join(tmpdir(), "grounding-notebook-"));
  await cp(folders.artifacts, join(copy, "artifacts"), { recursive: true });
  kernel = await startKernel();
});

after(async () => {
  kernel?.end();
  await browser?.close();
  await rm(copy, { recursive: true, force: true });
});

/** @typedef {{comm: string, data: any, buffers: string[]}} Message as notebook_kernel.py writes it */

async function startKernel() {
  const { encoder } = await findRun(folders.artifacts);
  const program = join(folders.repository, "tests", "notebook_kernel.py");
  const { stdin, stdout } = spawn(process.env.GROUNDING_PYTHON ?? "python3", [program, encoder.replace("_encoder.onnx", "")], {
    cwd: copy,
    env: { ...process.env, PYTHONPATH: folders.repository },
    stdio: ["pipe", "pipe", "inherit"],
  });
  /** @param {object} message */
  const send = (message) => stdin.write(`${JSON.stringify(message)}\n`);
  /** @type {Message[]} */
  const opened = [];
  /** @type {Map<string, (message: Message) => void>} */
  const listeners = new Map();
  /** @type {((selected: number[]) => void)[]} */
  const waiting = [];
  await new Promise((resolve) =>
    createInterface({ input: stdout }).on("line", (text) => {
      const line = JSON.parse(text);
      if (line.selected) return waiting.shift()?.(line.selected);
      // A widget's layout is a widget, too.
      if (line.data.state?._esm && opened.push(line) === 2) resolve(undefined);
      listeners.get(line.comm)?.(line);
    }),
  );
  return {
    opened,
    send,
    listeners,
    /** What a person does in a cell. @param {object} values @returns {Promise<number[]>} selected rows */
    set(values) {
      send({ set: values });
      return new Promise((resolve) => waiting.push(resolve));
    },
    end: () => stdin.end(),
  };
}

/** A cell with a page in it. @param {Message} opened */
async function openCell({ comm, data: { state } }) {
  const page = await browser.newPage({ viewport: { width: 1000, height: 800 } });
  /** @type {string[]} */
  const requests = [];
  page.on("request", (request) => requests.push(request.url()));
  page.on("websocket", (socket) => requests.push(socket.url()));
  await page.exposeFunction("toKernel", (/** @type {object} */ data) => kernel.send({ comm, data }));
  await page.setContent(`<meta http-equiv="Content-Security-Policy" content="${POLICY}"><div id="cell"></div>`);
  kernel.listeners.set(comm, ({ data, buffers }) => {
    const arrived = page.evaluate(([data, buffers]) => /** @type {any} */ (window).fromKernel(data, buffers), [data, buffers]);
    // What is under way when the tests end reaches nobody.
    arrived.catch((error) => assert(page.isClosed(), error));
  });
  const module = `data:text/javascript;base64,${Buffer.from(state._esm).toString("base64")}`;
  await page.evaluate(showWidget, { state, module });
  const frame = page.frameLocator("iframe");
  await frame.locator("html[data-state=ready]").waitFor();
  return {
    page,
    frame,
    selection: frame.locator(".selection p[role=status]"),
    asked: () => requests.filter((url) => !/^(about|data|blob):/.test(url)),
    /** What notebooks do with cells that are scrolled away and back. */
    showAgain: () => page.evaluate(() => document.querySelector("#cell")?.append(/** @type {Node} */ (document.querySelector("iframe")))),
  };
}

/**
 * In the page: anywidget's model, with the kernel at its other end.
 * @param {{state: Record<string, unknown>, module: string}} given
 */
async function showWidget({ state, module }) {
  const outside = /** @type {any} */ (window);
  /** @type {Map<string, Set<(...values: any[]) => void>>} */
  const listeners = new Map();
  /** @param {string} event @param {...any} values */
  const say = (event, ...values) => listeners.get(event)?.forEach((listener) => listener(...values));
  /** @type {Set<string>} */
  const changed = new Set();
  const model = {
    /** @param {string} name */
    get: (name) => state[name],
    /** @param {string} name @param {unknown} value */
    set(name, value) {
      if (JSON.stringify(value) === JSON.stringify(state[name])) return;
      state[name] = value;
      changed.add(name);
      say(`change:${name}`, model, value);
    },
    save_changes() {
      outside.toKernel({ method: "update", state: Object.fromEntries([...changed].map((name) => [name, state[name]])) });
      changed.clear();
    },
    /** @param {unknown} content */
    send: (content) => outside.toKernel({ method: "custom", content }),
    /** @param {string} event @param {(...values: any[]) => void} listener */
    on: (event, listener) => listeners.set(event, (listeners.get(event) ?? new Set()).add(listener)),
    /** @param {string} event @param {(...values: any[]) => void} listener */
    off: (event, listener) => listeners.get(event)?.delete(listener),
  };
  outside.fromKernel = (/** @type {any} */ data, /** @type {string[]} */ buffers) => {
    const parts = buffers.map((part) => new DataView(Uint8Array.from(atob(part), (c) => c.charCodeAt(0)).buffer));
    if (data.method === "custom") return say("msg:custom", data.content, parts);
    for (const [name, value] of Object.entries(data.state)) model.set(name, value);
    changed.clear();
  };
  const { default: widget } = await import(module);
  widget.render({ model, el: document.querySelector("#cell") });
}

test("the viewer asks nobody but the kernel, and its selection is a value there, both ways", async () => {
  const { page, frame, selection, asked, showAgain } = await openCell(kernel.opened[0]);
  const { points } = await findRun(folders.artifacts);
  const { indices } = JSON.parse(await readFile(join(folders.artifacts, points), "utf8"));
  const count = indices.length;
  const all = `${count.toLocaleString("en")} points`;
  assert.equal(await frame.locator(".count").innerText(), `${all}, test split`);

  await frame.locator("[data-tool=box]").click();
  const stage = await frame.locator(".stage > canvas").boundingBox();
  assert(stage);
  await page.mouse.move(stage.x + 100, stage.y + 100);
  await page.mouse.down();
  await page.mouse.move(stage.x + stage.width / 2, stage.y + stage.height / 2, { steps: 4 });
  await page.mouse.up();
  await selection.filter({ hasText: `of ${all}` }).waitFor();
  const shown = Number((await selection.innerText()).split(" of ")[0].replace(",", ""));
  const selected = await kernel.set({});
  assert.equal(selected.length, shown);
  assert(shown > 0 && shown < count, `${shown} points are selected`);
  assert(selected.every((row) => indices.includes(row)));

  const download = page.waitForEvent("download");
  await frame.getByText("Save PNG").click();
  assert.match((await download).suggestedFilename(), /test_latent_points\.png$/);

  await kernel.set({ selected: [] });
  await selection.filter({ hasText: "Draw a box" }).waitFor();
  const chosen = [indices[3], indices[700], indices[count - 1]];
  assert.deepEqual(await kernel.set({ selected: chosen }), chosen);
  await selection.filter({ hasText: `3 of ${all}` }).waitFor();
  await showAgain();
  await frame.locator("html[data-state=ready]").waitFor();
  await selection.filter({ hasText: `3 of ${all}` }).waitFor();
  assert.deepEqual(await kernel.set({ height: 333 }), chosen);
  await page.waitForFunction(() => document.querySelector("iframe")?.offsetHeight === 333);
  assert.deepEqual(asked(), []);
  expectNoProblems(page);

  await writeFile(join(copy, "artifacts", points), "{}");
  await showAgain();
  await frame.locator(".panel.error", { hasText: "is damaged: its bytes are not those" }).waitFor();
});

test("the playground runs the kernel's models in the cell", async () => {
  const { page, frame, asked } = await openCell(kernel.opened[1]);
  const before = await frame.locator(".neighbors").innerText();
  await frame.locator("input[name=rotation]").evaluate((input) => {
    /** @type {HTMLInputElement} */ (input).value = "40";
    input.dispatchEvent(new Event("input", { bubbles: true }));
  });
  await page.waitForFunction(() => document.querySelector("iframe")?.name.includes("rotation=40"));
  assert.notEqual(await frame.locator(".neighbors").innerText(), before);
  assert.deepEqual(asked(), []);
  expectNoProblems(page);
});
