/**
 * Colours of points, as sRGB bytes and as CSS text.
 *
 *   classColor(place, theme)            -> [r, g, b] in 0 .. 255; places of DISTINCT and more repeat
 *   rampColor(share, theme)             -> [r, g, b] for a number in [0, 1], light grows
 *   colorsByNumber(values, theme)       -> {colors: Uint8Array (N, 3), low, high}
 *   RAMP_WORDS[theme]                   the ramp told in words
 *   cssColor([r, g, b])                 -> "rgb(r g b)"
 *   background(theme), foreground(theme), accent(theme)  -> [r, g, b] of the stage
 *   fromHex("ff7f0e")                   -> [r, g, b];  NEUTRAL[theme]: of points without a class
 *
 * theme is "light" or "dark". A class has one hue in both: those of the first ten are at least 20 degrees
 * of OKLCh apart and differ by at most 12 between the themes. These ten lie at least 0.095 apart in OKLab
 * for normal sight and for protanopia, deuteranopia and tritanopia (Machado, Oliveira and Fernandes 2009),
 * and have 3:1 contrast with the stage; they were found by simulated annealing on just that, with at most
 * three that are dark (lightness below 0.45 in the light theme, below 0.6 in the dark one). The other twenty
 * were taken one by one, each as far from all before it as there was any, and lie at least 0.095 apart for
 * normal sight only: nobody tells thirty colours apart for every kind of sight.
 */

/** @typedef {"light" | "dark"} Theme */
/** @typedef {[number, number, number]} Rgb */

// prettier-ignore
const CLASSES = {
  light: [
    "1355ff", "b88503", "f73cc4", "03a278", "a20103", "6c3ab7", "a65e16", "116c67", "632b71", "7b0839",
    "a081b3", "38370e", "b2268b", "088fe3", "f92338", "053b6c", "7c5973", "a05ef7", "348008", "675317",
    "ce706b", "538697", "c220d1", "015ba6", "125a18", "8a07f0", "719901", "e9157d", "6d774f", "8e9277",
  ],
  dark: [
    "4e6dfb", "fdd03f", "9b5478", "08dab5", "be340f", "c3b0ff", "ff9558", "97fce8", "a87bc1", "fc597a",
    "ba01fc", "8d8b25", "d623a7", "2b6899", "fdc9c4", "58a2f2", "fc78e1", "7d40c8", "72fc29", "71623a",
    "bd9b98", "6c8c98", "ed44fd", "bcdbff", "02b827", "a361fb", "9ec94c", "fd9cba", "e7fea1", "bdc396",
  ],
};
export const DISTINCT = CLASSES.light.length;
export const NEUTRAL = { light: "4e4bcb", dark: "7596ff" };
const STAGE = {
  light: { background: "fafafb", foreground: "1b1f27", accent: "b3003c" },
  dark: { background: "0e1117", foreground: "e8eaf0", accent: "ffffff" },
};
/** Lightness and hue (degrees) of OKLCh at the ends of the ramp. */
const RAMP = {
  light: { from: [0.28, 300], to: [0.74, 110] },
  dark: { from: [0.5, 300], to: [0.95, 105] },
};
const RAMP_CHROMA = 0.15;
/** The ramp in words. */
export const RAMP_WORDS = {
  light: "From dark violet, the lowest, over teal to yellow-green, the highest.",
  dark: "From violet, the lowest, over blue-green to pale yellow, the highest.",
};

/** @param {string} hex @returns {Rgb} */
export function fromHex(hex) {
  const value = Number.parseInt(hex, 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

/** @param {number} place @param {Theme} theme @returns {Rgb} */
export function classColor(place, theme) {
  return fromHex(CLASSES[theme][place % DISTINCT]);
}

/** @param {Theme} theme */
export const background = (theme) => fromHex(STAGE[theme].background);
/** @param {Theme} theme */
export const foreground = (theme) => fromHex(STAGE[theme].foreground);
/** @param {Theme} theme */
export const accent = (theme) => fromHex(STAGE[theme].accent);

/** @param {readonly number[]} rgb */
export const cssColor = ([r, g, b]) => `rgb(${r} ${g} ${b})`;

/** @param {number} share @param {Theme} theme @returns {Rgb} */
export function rampColor(share, theme) {
  const { from, to } = RAMP[theme];
  const t = Math.min(1, Math.max(0, share));
  const lightness = from[0] + t * (to[0] - from[0]);
  const hue = ((from[1] + t * (to[1] - from[1])) * Math.PI) / 180;
  for (let chroma = RAMP_CHROMA; ; chroma -= 0.01) {
    const linear = fromOklab(lightness, chroma * Math.cos(hue), chroma * Math.sin(hue));
    if (chroma > 0 && linear.some((value) => value < 0 || value > 1)) continue;
    const [r, g, b] = linear.map(toByte);
    return [r, g, b];
  }
}

/**
 * OKLab to linear sRGB (Ottosson 2020).
 * @param {number} L @param {number} a @param {number} b
 */
function fromOklab(L, a, b) {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
}

/** @param {number} linear @returns {number} sRGB byte */
function toByte(linear) {
  const value = Math.min(1, Math.max(0, linear));
  const encoded = value <= 0.0031308 ? 12.92 * value : 1.055 * value ** (1 / 2.4) - 0.055;
  return Math.round(encoded * 255);
}

/** @param {ArrayLike<number>} values finite @param {Theme} theme */
export function colorsByNumber(values, theme) {
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < values.length; i++) {
    low = Math.min(low, values[i]);
    high = Math.max(high, values[i]);
  }
  const table = Array.from({ length: 256 }, (_, i) => rampColor(i / 255, theme));
  const colors = new Uint8Array(values.length * 3);
  for (let i = 0; i < values.length; i++) {
    const share = high > low ? (values[i] - low) / (high - low) : 0.5;
    colors.set(table[Math.round(share * 255)], 3 * i);
  }
  return { colors, low, high };
}
