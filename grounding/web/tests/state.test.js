import assert from "node:assert/strict";
import { test } from "node:test";

import { NEUTRAL } from "../src/augment.js";
import { PLAYGROUND, VIEWER, allowed, defaultState, isAllowed, readState, unknownParts, writeState } from "../src/state.js";

test("defaults are left out, and nothing gives defaults", () => {
  for (const table of [VIEWER, PLAYGROUND]) {
    assert.equal(writeState(table, defaultState(table)), "");
    assert.deepEqual(readState(table, ""), defaultState(table));
  }
});

test("the addresses of the documents are read and written readably", () => {
  const search = "?assets=/artifacts/a.json&encoder=/artifacts/e.onnx&decoder=/artifacts/d.onnx";
  const state = readState(PLAYGROUND, search);
  assert.equal(state.decoder, "/artifacts/d.onnx");
  assert.equal(writeState(PLAYGROUND, state), search);
});

test("every field survives a round trip", () => {
  const viewer = {
    data: "/a b/é&=?#%.json", other: "/b.json", camera2: null, color: "loss & more", dim: [-4, 4, 9], isolate: -123_456, select: 0, selected: "~53.AbC-_", film: "/f.json", epoch: 12.5,
    size: 7.5, glyphs: true, theme: "dark", embed: ["stage", "legend"], palette: ["1f77b4", "ff7f0e"], camera: [0.1, -0.2, 30, 1, 2, -3.5], view: "2d",
    names: false, pictures: false, density: "on",
  };
  assert.deepEqual(readState(VIEWER, writeState(VIEWER, viewer)), viewer);
  const playground = {
    ...defaultState(PLAYGROUND), mode: "interpolate", source: "drawing", digit: 0, shiftX: -2.5,
    rotation: -12, scale: 0.75, shear: -0.35, elastic: 1.6, thickness: -0.4, noise: 0.33,
    seed: 4294967295, normalize: false, story: "/a/b.json", step: 4, reference: 7, strokes: "UAIAAP__", from: 0, to: 2999, t: 0.375,
  };
  assert.deepEqual(readState(PLAYGROUND, writeState(PLAYGROUND, playground)), playground);
});

test("an address that names no slider leaves the picture alone", () => {
  const state = readState(PLAYGROUND, "?digit=7&seed=5");
  for (const name of Object.keys(NEUTRAL)) assert.equal(state[name], NEUTRAL[/** @type {keyof typeof NEUTRAL} */ (name)], name);
});

test("values out of range are clamped, nonsense becomes the default", () => {
  const state = readState(
    PLAYGROUND,
    "mode=evil&digit=-4&shiftX=99&rotation=1e999&scale=abc&shear=-7&elastic=7&thickness=2&noise=&masking=NaN&seed=1.6&t=-1&from=x&camera=1_2&theme=DARK&embed=yes&constructor=1",
  );
  assert.deepEqual(
    [state.mode, state.digit, state.shiftX, state.rotation, state.scale, state.noise, state.masking],
    ["probe", 0, 10, 0, 1, 0, 0],
  );
  assert.deepEqual([state.shear, state.elastic, state.thickness], [-1, 6, 1]);
  assert.equal(readState(PLAYGROUND, "elastic=-1").elastic, 0);
  assert.deepEqual([state.seed, state.t, state.from, state.camera, state.theme, state.embed], [2, 0, null, null, "auto", []]);
  assert(!Object.hasOwn(state, "constructor"));
});

test("lists are sorted, without repeats, and bounded", () => {
  assert.deepEqual(readState(VIEWER, "dim=9.1.1.x.-3.5000.1e20").dim, [-3, 1, 9, 5000]);
  assert.deepEqual(readState(VIEWER, `dim=${"1.".repeat(9000)}`).dim, []);
  assert.equal(readState(VIEWER, `data=${"a".repeat(3000)}`).data, "");
});

test("a palette is a list of colours, or none", () => {
  assert.deepEqual(readState(VIEWER, "palette=1F77B4.ff7f0e").palette, ["1f77b4", "ff7f0e"]);
  for (const text of ["red", "1f77b4.", "%23ff0000", "1f77b4,ff7f0e", "1f77b4.".repeat(300)]) assert.deepEqual(readState(VIEWER, `palette=${text}`).palette, [], text);
});

test("writing is idempotent for any input", () => {
  for (const search of ["t=0.123456", "rotation=-0.0", "scale=0.999", "camera=1e-9_0_1_0_0_0", "dim=", "size=4"]) {
    const once = writeState(PLAYGROUND, readState(PLAYGROUND, search));
    assert.equal(writeState(PLAYGROUND, readState(PLAYGROUND, once)), once, search);
    assert(!once.includes("-0&") && !once.endsWith("-0"));
  }
});

test("the parts of a frame are named in the address, and 1 is the stage with its pictures", () => {
  assert.deepEqual(readState(PLAYGROUND, "embed=1").embed, ["stage", "pictures"]);
  assert.deepEqual(readState(PLAYGROUND, "embed=legend,evil,stage,sliders,stage").embed, ["stage", "sliders", "legend"]);
  assert.deepEqual(unknownParts("?embed=legend,evil,stage,,evil,Stage&mode=foo"), ["evil", "Stage"]);
  for (const search of ["", "?embed=", "?embed=0", "?embed=1", "?embed=stage,pictures,input,sliders,legend,readouts"]) assert.deepEqual(unknownParts(search), []);
  assert.equal(writeState(PLAYGROUND, readState(PLAYGROUND, "embed=legend,stage")), "?embed=stage,legend");
  assert.equal(writeState(PLAYGROUND, readState(PLAYGROUND, "embed=1")), "?embed=1");
});

test("every field says what it takes, and takes no more", () => {
  /** @type {[string, unknown[], unknown[]][]} */
  const cases = [
    ["rotation", [0, -180, 12.345], [181, "5", NaN, null]],
    ["seed", [0, 7], [1.5, -1, null]],
    ["digit", [3, null], [1000, "x"]],
    ["mode", ["flow"], ["fly", null]],
    ["normalize", [true], [1]],
    ["dim", [[3, 1, 1], []], [[0.5], 3]],
    ["at", [[0.1234567, 2], null], [[1], [1, "2"], [1, 1e12]]],
    ["palette", [["aabbcc"]], [["red"]]],
  ];
  for (const [name, good, bad] of cases) {
    for (const value of good) assert(isAllowed(PLAYGROUND[name], value), `${name} ${value}`);
    for (const value of bad) assert(!isAllowed(PLAYGROUND[name], value), `${name} ${value}`);
    assert.match(allowed(PLAYGROUND[name]), /\w/);
  }
});
