import assert from "node:assert/strict";
import { test } from "node:test";

import { arraysUrl, manifestUrl, otherSpelling, sameOriginUrl } from "../src/urls.js";

const PAGE = "http://localhost:8000/lab/grounding/latent_space_viewer.html?data=x";

test("paths of this server, absolute and relative", () => {
  assert.equal(sameOriginUrl("/artifacts/a.json", PAGE, "data").href, "http://localhost:8000/artifacts/a.json");
  assert.equal(sameOriginUrl("../artifacts/a.json#x", PAGE, "data").href, "http://localhost:8000/lab/artifacts/a.json");
  assert.equal(sameOriginUrl("http://localhost:8000/a", PAGE, "data").pathname, "/a");
});

for (const bad of [
  "", "  ", "https://example.org/a.json", "//example.org/a.json", "\\\\example.org\\a.json", "/\\example.org/a",
  "http://localhost:8001/a", "https://localhost:8000/a", "http://localhost.example.org:8000/a",
  "javascript:alert(1)", "java\nscript:alert(1)", "data:application/json,{}", "blob:http://localhost:8000/x",
  "file:///etc/passwd", "http://user:pw@localhost:8000/a", "http://user@localhost:8000/a", "http://[",
  `/${"a".repeat(3000)}`,
]) {
  test(`refused: ${JSON.stringify(bad.slice(0, 50))}`, () => {
    assert.throws(() => sameOriginUrl(bad, PAGE, "data"), { name: "PageError", code: "url" });
  });
}

test("the config's number in a file name can be left out", () => {
  const other = (/** @type {string} */ path) => otherSpelling(new URL(path, PAGE))?.pathname ?? null;
  assert.equal(other("/artifacts/5_resnet8_test.json"), "/artifacts/resnet8_test.json");
  assert.equal(other("/5_a/12_b.json"), "/5_a/b.json");
  assert.equal(other("/artifacts/resnet8_5_test.json"), null);
  assert.equal(other("/artifacts/5_"), null);
});

test("an arrays file lies in the same folder, whatever its name", () => {
  assert.equal(arraysUrl("http://h/a/b.json?x=1", "c.safetensors").href, "http://h/a/c.safetensors");
  for (const name of ["../c.safetensors", "//x/c.safetensors", "http://x/c.safetensors", "c?.safetensors"]) {
    const url = arraysUrl("http://h/a/b.json", name);
    assert(url.href.startsWith("http://h/a/") && !url.search, url.href);
  }
});

test("a run's manifest lies beside its files, whatever their author calls the run", () => {
  const file = new URL("http://h/artifacts/x.json");
  assert.equal(manifestUrl(file, "a b")?.href, "http://h/artifacts/a%20b.run.json");
  for (const name of ["../x", "/x", "a/b", "..\\x", "", null, 3, ["a"]]) assert.equal(manifestUrl(file, name), null);
});
