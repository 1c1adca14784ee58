/**
 * Colours of points, as sRGB bytes and as CSS text.
 *
 *   classColor(place, theme)            -> [r, g, b] in 0 .. 255; places of DISTINCT and more repeat
 *   rampColor(share, theme)             -> [r, g, b] for a number in [0, 1], light grows
 *   colorsByNumber(values, theme)       -> {colors: Uint8Array (N, 3), low, high}
 *   RAMP_WORDS[theme]                   the ramp told in words
 *   cssColor([r, g, b])                 -> "rgb(r g b)"
 *   background(theme), foreground(theme), accent(theme)  -> [r, g, b] of the stage
 *   inkOn([r, g, b])                    -> black or white, whichever can be read on it
 *   fromHex("ff7f0e")                   -> [r, g, b];  NEUTRAL[theme]: of points without a class
 *
 * theme is "light" or "dark". A class has one hue in both: those of the first ten are at least 18 degrees
 * of OKLCh apart and differ by at most 12 between the themes. These ten lie at least 0.08 apart in OKLab
 * for normal sight and for protanopia, deuteranopia and tritanopia (Machado, Oliveira and Fernandes 2009),
 * and have 3:1 contrast with the stage; they were found by simulated annealing on just that, with at most
 * two that are dark (OKLab lightness below 0.5 in the light theme, below 0.6 in the dark one). The other twenty
 * were taken one by one, each as far from all before it as there was any, and lie at least 0.095 apart for
 * normal sight only: nobody tells thirty colours apart for every kind of sight.
 */

/** @typedef {"light" | "dark"} Theme */
/** @typedef {[number, number, number]} Rgb */

// prettier-ignore
const CLASSES = {
  light: [
    "328aff", "fb0000", "697d15", "931be2", "1c8588", "853900", "fe23ac", "076a58", "8282c5", "aa03ad",
    "06385c", "c87b13", "5e0682", "1256b2", "164002", "80557c", "d44bf9", "5b1933", "bd0b37", "3012fe",
    "0fa626", "89947a", "bc58a7", "e5657b", "a25c41", "441dbb", "9563fe", "8b086b", "3b5171", "4f432c",
  ],
  dark: [
    "5cb5ff", "fb8b90", "7fb016", "a45af9", "4fe3d9", "fdbe96", "b94870", "a1ffd7", "7353bc", "c56bc8",
    "73899d", "c4780b", "deadfd", "2981fb", "357518", "fb2af4", "f7e3fd", "fc328c", "795a5b", "3947fb",
    "38fa4b", "a4b095", "c212a8", "be7e85", "b74506", "8c8cec", "8121fc", "fc7dd1", "4b6a97", "e7ad01",
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

/** By WCAG's relative luminance; 0.179 is where black and white have the same contrast. @param {Rgb} rgb @returns {Rgb} */
export function inkOn(rgb) {
  const [r, g, b] = rgb.map((byte) => (byte <= 10 ? byte / 3294.6 : ((byte / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? [0, 0, 0] : [255, 255, 255];
}

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
