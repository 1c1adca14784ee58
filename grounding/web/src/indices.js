/**
 * Sets of whole numbers as short text for an address.
 *
 *   indicesToText([3, 7, 250])   "3.7.250"; of none, or more than a few, "~" and Rice's code of their gaps
 *   indicesFromText(text)        -> {indices: ascending, lost}, lost: how many could not be read;
 *                                   null if it is no such text
 *
 * The code is Rice's (1971): of each gap g, g >> k ones, a zero, and the k lowest bits of g, in
 * base64url; k is the one that makes it shortest. Half of 10,000 images take 1.7 kB, 50 of them 80 bytes.
 * The number of indices stands before it, so that a link which was cut off is known for one.
 */

const MOST_WRITTEN_OUT = 8;
const LARGEST = 0x7fffffff;
const MOST_BITS = 20;
const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** @param {ArrayLike<number>} indices ascending, distinct, at least 0 */
export function indicesToText(indices) {
  const all = Array.from(indices);
  if (all.length && all.length <= MOST_WRITTEN_OUT) return all.join(".");
  const gaps = all.map((index, i) => index - (i ? all[i - 1] + 1 : 0));
  const lengths = Array.from({ length: MOST_BITS + 1 }, (_, k) => gaps.reduce((sum, gap) => sum + (gap >> k) + 1 + k, 0));
  const k = lengths.indexOf(Math.min(...lengths));
  let [text, digit, filled] = ["", 0, 0];
  const put = (/** @type {number} */ bit) => {
    digit = 2 * digit + bit;
    if (++filled < 6) return;
    text += DIGITS[digit];
    [digit, filled] = [0, 0];
  };
  for (const gap of gaps) {
    for (let ones = gap >> k; ones > 0; ones--) put(1);
    put(0);
    for (let bit = k - 1; bit >= 0; bit--) put((gap >> bit) & 1);
  }
  while (filled) put(0);
  return `~${k.toString(36)}${all.length.toString(36)}.${text}`;
}

/** @param {string} text @returns {{indices: number[], lost: number} | null} */
export function indicesFromText(text) {
  const coded = /^~([0-9a-k])([0-9a-z]{1,6})\.([\w-]*)$/.exec(text);
  if (coded) return decoded(Number.parseInt(coded[1], 36), Number.parseInt(coded[2], 36), coded[3]);
  if (!/^\d+(\.\d+)*\.?$/.test(text)) return null;
  const parts = text.split(".").filter(Boolean).map(Number);
  const fit = parts.filter((index) => index <= LARGEST);
  return { indices: [...new Set(fit)].sort((a, b) => a - b), lost: parts.length - fit.length };
}

/** @param {number} k @param {number} count @param {string} text */
function decoded(k, count, text) {
  let at = 0;
  const end = 6 * text.length;
  const bit = () => (DIGITS.indexOf(text[Math.floor(at / 6)]) >> (5 - (at++ % 6))) & 1;
  /** @type {number[]} */
  const indices = [];
  for (let next = 0; indices.length < count; next++) {
    let gap = 0;
    let isOne = 1;
    while (at < end && (isOne = bit())) gap++;
    if (isOne || at + k > end) break;
    for (let i = 0; i < k; i++) gap = 2 * gap + bit();
    next += gap;
    if (next > LARGEST) break;
    indices.push(next);
  }
  return { indices, lost: count - indices.length };
}
