import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { afterEach, test } from "node:test";

import { checkWhole, isChecked, manifestBeside } from "../src/integrity.js";
import { loadFile } from "../src/loading.js";
import { ARRAYS, HEADER, META, safetensors } from "./safetensors_file.js";

const REAL_FETCH = globalThis.fetch;
const MADE = { ...META, made_from: { checkpoint: "0" } };
const DATA = new URL("http://h/artifacts/x.json");

afterEach(() => {
  globalThis.fetch = REAL_FETCH;
});

/** @param {unknown} value */
const json = (value) => new TextEncoder().encode(JSON.stringify(value));
/** @param {Uint8Array} bytes */
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** @param {Record<string, Uint8Array>} files by path @returns {string[]} paths asked for */
function serve(files) {
  /** @type {string[]} */
  const asked = [];
  globalThis.fetch = async (url) => {
    const { pathname } = new URL(String(url));
    asked.push(pathname);
    const file = files[pathname];
    const response = new Response(file ? Uint8Array.from(file) : null, { status: file ? 200 : 404, headers: { "content-length": String(file?.length ?? 0) } });
    return Object.defineProperty(response, "url", { value: String(url) });
  };
  return asked;
}

/** As grounding/runs/manifest.py writes it. @param {Record<string, Uint8Array>} files */
const manifestOf = (files) =>
  json({
    format: 1,
    artifacts: Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, { kind: "points", files: { [name]: { sha256: sha256(bytes), bytes: bytes.length } } }])),
  });

/** A run's point file with its arrays, its thumbnails and its manifest: what lies in a folder of it. */
function run() {
  const { thumbnails, ...header } = HEADER;
  const arrays = safetensors({ ...header, __metadata__: { id: "abc", meta: JSON.stringify(MADE) } }, ARRAYS.slice(0, 2));
  const pictures = safetensors({ __metadata__: { id: "abc" }, thumbnails: { ...thumbnails, data_offsets: [0, 8] } }, ARRAYS.slice(2));
  const plain = { ...MADE, points: [[1, 2, 3], [4, 5, 6.5]], labels: [7, 9] };
  const entry = { file: "x.safetensors", bytes: arrays.length, id: "abc", thumbnails: { file: "x_thumbnails.safetensors", bytes: pictures.length, shape: [2, 1, 2, 2] } };
  const text = json({ arrays: entry, ...plain });
  const manifest = manifestOf({ "x.json": text, "x.safetensors": arrays, "x_thumbnails.safetensors": pictures });
  const files = { "/artifacts/x.json": text, "/artifacts/x.safetensors": arrays, "/artifacts/x_thumbnails.safetensors": pictures, "/artifacts/e.run.json": manifest };
  return { arrays, pictures, plain: json(plain), files };
}
const listeners = { onProgress: () => undefined, onNotice: () => assert.fail("nothing to tell") };
/** @param {Uint8Array<ArrayBuffer>} bytes */
function changed(bytes) {
  const other = bytes.slice();
  other[other.length - 1] ^= 1;
  return other;
}

test("arrays and thumbnails that are as the manifest has them", async () => {
  serve(run().files);
  const { thumbnails, manifest: found } = await loadFile(DATA, "points", listeners);
  /** @type {unknown[]} */
  const blocks = [];
  await thumbnails?.((offset, bytes) => blocks.push(offset, [...bytes]));
  assert.deepEqual(blocks, [0, [...ARRAYS[2]]]);
  assert.equal((await found)?.hashes.size, 3);
});

test("one bit of the arrays is another: one sentence with both names, and no JSON in their place", async () => {
  const { arrays, files } = run();
  serve({ ...files, "/artifacts/x.safetensors": changed(arrays) });
  await assert.rejects(loadFile(DATA, "points", listeners), { code: "damaged", message: "x.safetensors is damaged, or of another export: its hash is not the one in e.run.json." });
});

test("one bit of the thumbnails is another: none is shown, and the same sentence", async () => {
  const { pictures, files } = run();
  serve({ ...files, "/artifacts/x_thumbnails.safetensors": changed(pictures) });
  const { thumbnails } = await loadFile(DATA, "points", listeners);
  const read = async () => thumbnails?.(() => assert.fail("a damaged image was shown"));
  await assert.rejects(read(), { code: "damaged", message: /^x_thumbnails.safetensors is damaged/ });
});

test("the JSON file alone is compared as well", async () => {
  const { plain } = run();
  const files = { "/artifacts/x.json": plain, "/artifacts/e.run.json": manifestOf({ "x.json": plain }) };
  serve(files);
  assert.equal((await loadFile(DATA, "points", listeners)).thumbnails, null);
  serve({ ...files, "/artifacts/e.run.json": manifestOf({ "x.json": changed(plain) }) });
  await assert.rejects(loadFile(DATA, "points", listeners), { code: "damaged" });
});

test("what no manifest speaks of is shown as it is", async () => {
  const { arrays, pictures, files } = run();
  // No manifest, or one that is none.
  const tooLarge = JSON.stringify({ artifacts: {}, x: " ".repeat(17_000_000) });
  for (const manifest of [null, "no JSON", "{}", '{"artifacts": {"x": null}}', tooLarge]) {
    const { "/artifacts/e.run.json": _, ...rest } = files;
    const other = { "/artifacts/x_thumbnails.safetensors": changed(pictures), "/artifacts/x.safetensors": changed(arrays) };
    serve({ ...rest, ...other, ...(manifest && { "/artifacts/e.run.json": new TextEncoder().encode(manifest) }) });
    const { thumbnails, manifest: found } = await loadFile(DATA, "points", listeners);
    await thumbnails?.(() => undefined);
    assert.equal(await found, null);
  }
  // A file that no run has made: nobody is asked for a manifest.
  const asked = serve({});
  for (const file of [null, {}, { experiment: "e" }, { experiment: 3, made_from: {} }]) assert.equal(await manifestBeside(DATA, file), null);
  assert.deepEqual(asked, []);
});

test("a manifest speaks of the files beside it, by their names with or without a config's number", async () => {
  const bytes = Uint8Array.of(1, 2, 3);
  const manifest = { url: new URL("http://h/artifacts/e.run.json"), hashes: new Map([["e_encoder.onnx", sha256(bytes)]]) };
  const check = (/** @type {string} */ path, /** @type {Uint8Array<ArrayBuffer>} */ file) => checkWhole(manifest, new URL(path, "http://h"), file);
  await check("/artifacts/e_encoder.onnx?x=1", bytes);
  for (const name of ["e_encoder.onnx", "5_e_encoder.onnx"]) await assert.rejects(check(`/artifacts/${name}`, changed(bytes)), { code: "damaged" });
  for (const path of ["/elsewhere/e_encoder.onnx", "/artifacts/other.onnx"]) await check(path, changed(bytes));
  await checkWhole(null, new URL("http://h/artifacts/e_encoder.onnx"), changed(bytes));
});

test("what can be used while it comes in is checked first, if a manifest knows it and it can be kept", () => {
  const manifest = { url: new URL("http://h/artifacts/e.run.json"), hashes: new Map([["x_thumbnails.safetensors", "0"]]) };
  const at = (/** @type {string} */ path) => new URL(path, manifest.url);
  assert(isChecked(manifest, at("x_thumbnails.safetensors"), 1e8));
  assert(!isChecked(manifest, at("x_thumbnails.safetensors"), 2e8));
  assert(!isChecked(manifest, at("y_thumbnails.safetensors"), 1));
  assert(!isChecked(null, at("x_thumbnails.safetensors"), 1));
});
