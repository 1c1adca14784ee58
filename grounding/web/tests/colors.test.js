import assert from "node:assert/strict";
import { test } from "node:test";

import { DISTINCT, accent, background, classColor, colorsByNumber, cssColor, foreground, rampColor } from "../src/colors.js";

/** Machado, Oliveira and Fernandes (2009), severity 1, on linear sRGB. */
const SIGHTS = {
  normal: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  protanopia: [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
  deuteranopia: [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
  tritanopia: [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039],
};
const THEMES = /** @type {const} */ (["light", "dark"]);

/** @param {number[]} rgb bytes @returns {number[]} linear */
function linear(rgb) {
  return rgb.map((byte) => (byte <= 10 ? byte / 255 / 12.92 : ((byte / 255 + 0.055) / 1.055) ** 2.4));
}

/** @param {number[]} rgb linear */
function luminance([r, g, b]) {
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** @param {number[]} a bytes @param {number[]} b bytes */
function contrast(a, b) {
  const [dark, light] = [luminance(linear(a)), luminance(linear(b))].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

/** @param {number[]} rgb linear */
function oklab([r, g, b]) {
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

for (const theme of THEMES) {
  const classes = Array.from({ length: 10 }, (_, label) => classColor(label, theme));

  test(`${theme}: any two classes differ for every kind of sight`, () => {
    for (const [name, m] of Object.entries(SIGHTS)) {
      const seen = classes.map((rgb) => {
        const c = linear(rgb);
        const mixed = [0, 3, 6].map((row) => m[row] * c[0] + m[row + 1] * c[1] + m[row + 2] * c[2]);
        return oklab(mixed.map((value) => Math.min(1, Math.max(0, value))));
      });
      for (let i = 0; i < 10; i++) {
        for (let j = 0; j < i; j++) {
          const distance = Math.hypot(...seen[i].map((value, axis) => value - seen[j][axis]));
          assert(distance > 0.08, `${name}: ${i} and ${j} lie ${distance.toFixed(3)} apart`);
        }
      }
    }
  });

  test(`${theme}: at most two of the ten are dark`, () => {
    const dark = classes.filter((rgb) => oklab(linear(rgb))[0] < (theme === "light" ? 0.5 : 0.6));
    assert(dark.length <= 2, `${dark.length}`);
  });

  test(`${theme}: two or three classes differ most`, () => {
    const seen = classes.slice(0, 3).map((rgb) => oklab(linear(rgb)));
    for (const [i, j] of [[0, 1], [0, 2], [1, 2]]) assert(Math.hypot(...seen[i].map((value, axis) => value - seen[j][axis])) > 0.2, `${i} and ${j}`);
  });

  const every = Array.from({ length: DISTINCT }, (_, place) => classColor(place, theme));

  test(`${theme}: any two of the further colours differ as well, for normal sight`, () => {
    const seen = every.map((rgb) => oklab(linear(rgb)));
    for (let i = 0; i < DISTINCT; i++) {
      for (let j = 0; j < i; j++) {
        const distance = Math.hypot(...seen[i].map((value, axis) => value - seen[j][axis]));
        assert(distance > 0.09, `${i} and ${j} lie ${distance.toFixed(3)} apart`);
      }
    }
    assert.deepEqual(classColor(DISTINCT + 2, theme), every[2]);
  });

  test(`${theme}: classes stand out from the stage, text is readable on it`, () => {
    for (const rgb of every) assert(contrast(rgb, background(theme)) >= 3);
    assert(contrast(foreground(theme), background(theme)) >= 7);
    assert(contrast(accent(theme), background(theme)) >= 4.5);
  });

  test(`${theme}: the ramp grows in lightness`, () => {
    const steps = Array.from({ length: 21 }, (_, i) => oklab(linear(rampColor(i / 20, theme)))[0]);
    for (let i = 1; i < steps.length; i++) assert(steps[i] > steps[i - 1], `step ${i}`);
  });
}

/** Hue of OKLCh in degrees. @param {number[]} rgb bytes */
function hue(rgb) {
  const [, a, b] = oklab(linear(rgb));
  return (Math.atan2(b, a) * 180) / Math.PI;
}
/** @param {number} a @param {number} b degrees */
const between = (a, b) => Math.abs(((((a - b) % 360) + 540) % 360) - 180);

test("a class has one hue in both themes, and no two of the ten share it", () => {
  const hues = THEMES.map((theme) => Array.from({ length: 10 }, (_, label) => hue(classColor(label, theme))));
  for (let i = 0; i < 10; i++) {
    assert(between(hues[0][i], hues[1][i]) < 13, `${i}: ${hues[0][i]} and ${hues[1][i]}`);
    for (let j = 0; j < i; j++) assert(between(hues[0][i], hues[0][j]) > 18, `${i} and ${j}`);
  }
});

test("colours of many points by a number", () => {
  const { colors: ramp, low, high } = colorsByNumber([-1, 3, 1], "dark");
  assert.deepEqual([low, high], [-1, 3]);
  assert.deepEqual([...ramp.slice(0, 3)], rampColor(0, "dark"));
  assert.deepEqual([...ramp.slice(3, 6)], rampColor(1, "dark"));
  assert.equal(colorsByNumber([2, 2], "dark").colors.length, 6);
  assert.equal(cssColor([1, 2, 3]), "rgb(1 2 3)");
});
