import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { afterEach, test } from "node:test";

import { checkWhole, keeper, manifestBeside } from "../src/integrity.js";
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

/** A run's point file with its arrays and its manifest. */
function run() {
  const arrays = safetensors({ ...HEADER, __metadata__: { id: "abc", meta: JSON.stringify(MADE) } }, ARRAYS);
  const plain = { ...MADE, points: [[1, 2, 3], [4, 5, 6.5]], labels: [7, 9] };
  const text = json({ arrays: { file: "x.safetensors", bytes: arrays.length, id: "abc" }, ...plain });
  return { arrays, plain: json(plain), text, manifest: manifestOf({ "x.json": text, "x.safetensors": arrays }) };
}
const listeners = { onProgress: () => undefined, onNotice: () => assert.fail("nothing to tell") };
/** @param {Uint8Array} bytes */
function changed(bytes) {
  const other = bytes.slice();
  other[other.length - 1] ^= 1;
  return other;
}

test("arrays that are as the manifest has them", async () => {
  const { arrays, text, manifest } = run();
  serve({ "/artifacts/x.json": text, "/artifacts/x.safetensors": arrays, "/artifacts/e.run.json": manifest });
  const { thumbnails, manifest: found } = await loadFile(DATA, "points", listeners);
  await thumbnails?.(() => undefined);
  assert.equal((await found)?.hashes.size, 2);
});

test("one bit of the arrays is another: one sentence with both names, and no JSON in their place", async () => {
  const { arrays, text, manifest } = run();
  serve({ "/artifacts/x.json": text, "/artifacts/x.safetensors": changed(arrays), "/artifacts/e.run.json": manifest });
  await assert.rejects(loadFile(DATA, "points", listeners), { code: "damaged", message: "x.safetensors is damaged, or of another export: its hash is not the one in e.run.json." });
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
  const { arrays, text } = run();
  // No manifest, or one that is none.
  for (const manifest of [null, "no JSON", "{}", '{"artifacts": {"x": null}}']) {
    serve({ "/artifacts/x.json": text, "/artifacts/x.safetensors": changed(arrays), ...(manifest && { "/artifacts/e.run.json": new TextEncoder().encode(manifest) }) });
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
  const check = (/** @type {string} */ path, /** @type {Uint8Array} */ file) => checkWhole(manifest, new URL(path, "http://h"), [file.subarray(0, 1), file.subarray(1)]);
  await check("/artifacts/e_encoder.onnx?x=1", bytes);
  for (const name of ["e_encoder.onnx", "5_e_encoder.onnx"]) await assert.rejects(check(`/artifacts/${name}`, changed(bytes)), { code: "damaged" });
  for (const path of ["/elsewhere/e_encoder.onnx", "/artifacts/other.onnx"]) await check(path, changed(bytes));
  await checkWhole(manifest, new URL("http://h/artifacts/e_encoder.onnx"), null);
});

test("of files beyond all measure nothing is kept", () => {
  const kept = keeper();
  kept.add(Uint8Array.of(1));
  assert.deepEqual(kept.chunks, [Uint8Array.of(1)]);
  kept.add(/** @type {Uint8Array} */ ({ length: 2e8 }));
  assert.equal(kept.chunks, null);
});
