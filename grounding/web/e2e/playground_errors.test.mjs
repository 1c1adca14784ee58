/** The playground when something is missing, broken or hostile. */

import assert from "node:assert/strict";
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { expectNoProblems, folders, loseContext } from "./harness.mjs";
import { PAGE, expectAccessible, load, newPage, picture, prepare, query, site, visit } from "./playground_site.mjs";

prepare();

test("no parameters: what the page needs, and the commands", async () => {
  const page = await visit("");
  const panel = page.locator(".panel.welcome");
  assert.match(await panel.innerText(), /grounding run[\s\S]*grounding serve/);
  assert.equal(await page.locator(".panel.error").count(), 0);
  await expectAccessible(page, "welcome");
  expectNoProblems(page);
});

test("a slow server: what has come in bytes, what is waited for, and then the page", async () => {
  const page = await newPage();
  /** @type {() => void} */
  let release = () => undefined;
  const held = new Promise((resolve) => (release = () => resolve(undefined)));
  await page.route(/_encoder\.onnx$/, async (route) => {
    await held;
    await route.continue();
  });
  await page.goto(`${site().origin}${PAGE}?${query()}`);
  const rows = page.locator(".loading-row");
  const read = async () => Object.fromEntries((await rows.allInnerTexts()).map((text) => text.split("\n")));
  await page.waitForFunction(() => {
    const { innerText } = /** @type {HTMLElement} */ (document.querySelector(".loading-rows"));
    return ["Decoder", "References", "Model runtime"].every((name) => new RegExp(`${name}\\s+here`).test(innerText));
  });
  const found = await read();
  assert.equal(found.Encoder, "waiting");
  assert.equal(found.Decoder, "here");
  await expectAccessible(page, "loading");
  release();
  await page.waitForSelector("html[data-state=ready]");
  assert.equal(await rows.count(), 0);
  expectNoProblems(page);
});

/**
 * @param {import("./playground_site.mjs").Page} page that can be used again
 * @param {string} search @param {RegExp} words @param {string} code @param {RegExp} [allowed] console errors
 */
async function expectPanel(page, search, words, code, allowed) {
  await page.goto(`${site().origin}${PAGE}?${search}`);
  const panel = page.locator(".panel.error");
  await panel.waitFor();
  assert.equal(await panel.getAttribute("data-code"), code, search);
  assert.match(await panel.innerText(), words);
  assert(await page.locator(".neighbor").first().isHidden());
  expectNoProblems(page, allowed);
  page.problems.length = 0;
}

test("what cannot work says why", async () => {
  const noFile = /404/;
  const page = await newPage();
  await expectPanel(page, query().replace(/&encoder=[^&]*/, ""), /encoder/, "parameter");
  await expectPanel(page, query({ encoder: "/artifacts/none.onnx" }), /none\.onnx/, "missing", noFile);
  await expectPanel(page, query({ assets: "/artifacts/none.json" }), /none\.json/, "missing", noFile);
  await expectPanel(page, query({ encoder: `/artifacts/${site().run.decoder}`, decoder: `/artifacts/${site().run.encoder}` }), /changed places/, "mismatch");
  for (const url of ["//example.org/e.onnx", "javascript:alert(1)"]) {
    await expectPanel(page, query({ encoder: encodeURIComponent(url) }), /encoder/, "url");
  }
});

/**
 * The page on a host whose headers do not let it work.
 * @param {RegExp} files @param {Record<string, string>} headers
 */
async function onHost(files, headers) {
  const page = await newPage();
  await page.context().route(files, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, headers: { ...response.headers(), ...headers } });
  });
  await page.goto(`${site().origin}${PAGE}?${query()}`);
  return page;
}

test("a host that forbids WebAssembly, the worker or its requests is told by its header, not by the model", async () => {
  for (const [files, policy, words] of /** @type {[RegExp, string, RegExp][]} */ ([
    [/\.(html|js)(\?|$)/, "script-src 'self'", /WebAssembly[\s\S]*Content-Security-Policy[\s\S]*'wasm-unsafe-eval'/],
    [/\.html(\?|$)/, "worker-src 'none'", /worker could not be loaded[\s\S]*Content-Security-Policy[\s\S]*worker-src/],
    [/\.(html|js)(\?|$)/, "connect-src 'none'", /could not be loaded[\s\S]*Content-Security-Policy[\s\S]*connect-src/],
  ])) {
    const page = await onHost(files, { "content-security-policy": policy });
    const panel = page.locator(".panel.error");
    await panel.waitFor();
    const said = await panel.innerText();
    assert.match(said, words);
    assert.doesNotMatch(said, /ONNX|Export/);
  }
});

/** @param {string} name @param {unknown} value */
async function write(name, value) {
  await writeFile(join(site().changed, name), typeof value === "string" ? value : JSON.stringify(value));
  return `/changed/${name}`;
}

// What else can be wrong with a file or an address, tests/assets.test.js and tests/urls.test.js hold.
test("files that are broken say what is wrong with them", async () => {
  const page = await newPage();
  const small = { ...site().plain, num_points: 40, projection_k: 5 };
  for (const key of Object.keys(site().plain)) if (key.startsWith("reference_")) small[key] = site().plain[key].slice(0, 40);
  await expectPanel(page, query({ assets: await write("a.json", "no json") }), /not a JSON file/, "not-json");
  await expectPanel(page, query({ assets: await write("b.json", { ...small, reference_points: undefined }) }), /reference_points/, "keys");
  const wide = { ...small, latent_dim: site().plain.latent_dim + 1 };
  for (const key of ["reference_latents", "reference_latents_raw"]) wide[key] = small[key].map((/** @type {number[]} */ row) => [...row, 0]);
  await expectPanel(page, query({ assets: await write("e.json", wide) }), /latents of/, "mismatch");
  await expectPanel(page, query({ assets: await write("f.json", { ...small, checkpoint_sha256: "0".repeat(64) }) }), /two checkpoints/, "mismatch");
  await expectPanel(page, query({ encoder: await write("broken.onnx", "this is no model") }), /encoder is no ONNX model/, "model");
});

test("a model or arrays that are not as the manifest has them are not run", async () => {
  const { run, changed } = site();
  const files = { ...run, arrays: run.assets.replace(/json$/, "safetensors"), manifest: run.encoder.replace("_encoder.onnx", ".run.json") };
  for (const name of Object.values(files)) await cp(join(folders.artifacts, name), join(changed, name));
  const page = await newPage();
  const search = query({ assets: `/changed/${run.assets}`, encoder: `/changed/${run.encoder}`, decoder: `/changed/${run.decoder}` });
  for (const name of [files.encoder, files.arrays]) {
    const bytes = await readFile(join(changed, name));
    await writeFile(join(changed, name), bytes.map((byte, i) => (i === bytes.length - 9 ? byte ^ 1 : byte)));
    await expectPanel(page, search, new RegExp(`^This cannot be shown\\s+${name} is damaged, or of another export: its hash is not the one in ${files.manifest}\\.\\s+Copy`), "damaged");
    await writeFile(join(changed, name), bytes);
  }
});

test("only the needed keys, and hostile text in all others", async () => {
  const hostile = '"><img src=x onerror="window.hurt=1"><script>window.hurt=1</script>';
  const bare = /** @type {any} */ ({ experiment: hostile, split: hostile, checkpoint: hostile, projection: hostile, num_points: 30, projection_k: 4 });
  for (const key of ["latent_dim", "l2_normalized", "digit_samples"]) bare[key] = site().plain[key];
  for (const key of ["reference_points", "reference_latents", "reference_latents_raw", "reference_labels"]) bare[key] = site().plain[key].slice(0, 30);
  bare["<b>"] = hostile;
  const page = await load("&source=reference&reference=3", undefined, query({ assets: await write("bare.json", bare) }));
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
  const page = await newPage();
  await page.addInitScript(() => {
    const real = HTMLCanvasElement.prototype.getContext;
    HTMLCanvasElement.prototype.getContext = /** @type {any} */ (function (/** @type {any} */ kind, /** @type {any[]} */ ...rest) {
      return kind === "webgl2" ? null : real.call(this, kind, ...rest);
    });
  });
  await page.goto(`${site().origin}${PAGE}?${query()}`);
  await page.waitForSelector(".panel.error[data-code=no-webgl]");
  await page.waitForSelector("html[data-state=ready]");
  assert.match(await page.locator(".neighbor").first().innerText(), /#\d/);

  const lost = await load();
  await loseContext(lost);
  await lost.waitForSelector(".panel.error[data-code=context-lost]");
  await lost.waitForSelector(".panel.error", { state: "detached" });
});

test("a script that does not run leaves words that say what to do", async () => {
  const html = await readFile(join(folders.repository, "grounding", "interactive_latent_playground.html"), "utf8");
  assert(!/<script(?![^>]*src=)|style=|\son\w+=/.test(html), "inline script or style");
  for (const [files, headers] of /** @type {[RegExp, Record<string, string>][]} */ ([
    [/\.js$/, { "content-type": "text/plain", "x-content-type-options": "nosniff" }],
    [/\.html(\?|$)/, { "content-security-policy": "script-src 'none'" }],
  ])) {
    const page = await onHost(files, headers);
    await page.waitForFunction(() => getComputedStyle(/** @type {Element} */ (document.querySelector(".unstarted"))).visibility === "visible");
    assert.match(await page.locator(".unstarted").innerText(), /Node 20[\s\S]*pip install -e[\s\S]*text\/javascript[\s\S]*Content-Security-Policy/);
  }
});
