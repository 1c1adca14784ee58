import assert from "node:assert/strict";
import { test } from "node:test";

import { classLegend, numberLegend } from "../src/take/legend.js";
import { dotsOf, legendPlaces, svgOf } from "../src/take/svg.js";
import { citationOf, factsBeside, frameOf } from "../src/take/words.js";
import { filesBeside } from "../src/viewer/playground_link.js";

const seen = {
  x: Float32Array.of(10, 20, 30, 5000),
  y: Float32Array.of(1, 2, 3, 4),
  depth: Float32Array.of(1, 3, 2, 1),
  sizes: Float32Array.of(4, 4, 4, 4),
  colors: Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 255, 0, 9, 9, 9),
  isDimmed: (/** @type {number} */ i) => i === 0,
  backdrop: [0, 0, 0],
  width: 100,
  height: 50,
};

test("far points come first, dimmed ones before them and pale, those outside not at all", () => {
  assert.deepEqual(dotsOf(seen), [
    { x: 10, y: 1, size: 4 * 0.7, color: "rgb(56 0 0)" },
    { x: 20, y: 2, size: 4, color: "rgb(0 255 0)" },
    { x: 30, y: 3, size: 4, color: "rgb(0 255 0)" },
  ]);
});

test("the SVG holds points as paths by colour, and words as text only", () => {
  const text = svgOf({ width: 100, height: 50, dots: dotsOf(seen), overlay: "", title: "a <b> & c", legend: [{ name: "<i>", color: "rgb(1 2 3)" }], background: "#fff", foreground: "#000" });
  assert.equal(text.match(/<path /g)?.length, 2);
  assert.match(text, /d="M20 2h0M30 3h0"/);
  assert(!text.includes("<b>") && !text.includes("<i>") && text.includes("a &#60;b&#62; &#38; c"));
  assert.equal((text.match(/<svg/g) ?? []).length, (text.match(/<\/svg>/g) ?? []).length);
});

test("a legend goes on in the next line where it is full", () => {
  const { rows, height } = legendPlaces(Array.from({ length: 4 }, () => ({ name: "x", color: "red" })), 130, () => 20);
  assert.deepEqual(rows.map(({ x }) => x), [12, 67, 12, 67]);
  assert.equal(height, 56);
  assert.equal(legendPlaces([], 100, () => 1).height, 0);
});

test("the legend has the classes in front, or five steps of a number", () => {
  const classes = /** @type {any} */ ({ list: Array.from({ length: 40 }, (_, label) => ({ label, name: `n${label}` })), color: () => [1, 2, 3] });
  const all = classLegend(classes, "light", () => true);
  assert.equal(all.length, 31);
  assert.equal(all.at(-1)?.name, "and 10 more");
  assert.deepEqual(classLegend(classes, "light", (label) => label === 3), [{ name: "n3", color: "rgb(1 2 3)" }]);
  assert.deepEqual(numberLegend([2, 0, 1], "dark").map(({ name }) => name), ["0", "0.500", "1.00", "1.50", "2.00"]);
});

test("a frame is the same view in an article, without a story; a citation names what was shown", async () => {
  assert.equal(
    frameOf("https://h/p.html?data=/a.json&step=3", 'A "b"'),
    '<iframe src="https://h/p.html?data=%2Fa.json&#38;embed=1" width="100%" height="480" title="A &#34;b&#34;"></iframe>',
  );
  const facts = { run: "x", version: "0.2.0", manifest: "aa", checkpoint: "bb" };
  assert.equal(citationOf(facts, "https://h/"), "Latent space of x, grounding 0.2.0, manifest SHA-256 aa, checkpoint SHA-256 bb, https://h/");
  assert.equal(citationOf({ run: "", version: "", manifest: "", checkpoint: "" }, ""), "Latent space of an unnamed run");
  const { fetch } = globalThis;
  Object.assign(globalThis, { location: { href: "http://h/p/page.html" }, document: { URL: "http://h/p/page.html" } });
  let asked = 0;
  globalThis.fetch = async (url) => (String(url) === "http://h/a/x.run.json" && ++asked ? Response.json({ name: "x", code: { grounding: "0.2.0" }, sha256: "cc" }) : new Response("", { status: 404 }));
  assert.deepEqual(await factsBeside("/a/x_points.json", "x", "bb"), { run: "x", version: "0.2.0", manifest: "cc", checkpoint: "bb" });
  assert.deepEqual(await factsBeside("/b/x_points.json", "x", "bb"), { run: "x", version: "", manifest: "", checkpoint: "bb" });
  const files = await filesBeside("/a/x_points.json", { about: /** @type {any} */ ({ experiment: "x", split: "test", isOfRun: true }) });
  assert.equal(files, null, "this manifest names no models");
  assert.equal(asked, 1, "the manifest is asked for once");
  globalThis.fetch = fetch;
});
