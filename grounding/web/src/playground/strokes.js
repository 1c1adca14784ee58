/**
 * A drawing as a short text for the address, and back.
 *
 *   strokesToText(strokes)   -> URL-safe text of at most LONGEST characters; "" for nothing
 *   strokesFromText(text)    -> strokes of drawing.js; [] for nonsense
 *   tidied(strokes)          -> what a reader of the text would get
 *   withoutLast(strokes)     -> without the last stroke, pieces and all
 *   simplified(points, tolerance) -> corners that are nearer to the line than tolerance left out
 *
 * A stroke drawn with changing pressure is a chain of pieces, each beginning where the one before
 * ended. In the text a piece is a byte for its radius, one for how many points, then x and y of
 * each in steps of 1 / 255.
 */

/** @typedef {import("../drawing.js").Stroke} Stroke */

export const LONGEST = 1_900;
const MOST_POINTS = 255;
/** Radius in the text: this many steps in the canvas's width. */
const RADIUS_STEPS = 1_792;
const TOLERANCE = 0.003;

/** @param {readonly Stroke[]} strokes @returns {string} */
export function strokesToText(strokes) {
  for (let tolerance = TOLERANCE; tolerance < 0.1; tolerance *= 1.5) {
    const text = toBase64(strokes.flatMap((stroke) => pieceBytes(stroke, tolerance)));
    if (text.length <= LONGEST) return text;
  }
  return "";
}

/** @param {Stroke} stroke @param {number} tolerance @returns {number[]} */
function pieceBytes({ points, radius }, tolerance) {
  const kept = simplified(points, tolerance);
  const bytes = [];
  for (let first = 0; first < kept.length; first += 2 * (MOST_POINTS - 1)) {
    const piece = kept.slice(first, first + 2 * MOST_POINTS);
    if (first && piece.length <= 2) break;
    bytes.push(toByte(radius * RADIUS_STEPS, 1), piece.length / 2, ...piece.map((value) => toByte(value * 255)));
  }
  return bytes;
}

/** @param {number} value @param {number} [least] */
const toByte = (value, least = 0) => Math.min(255, Math.max(least, Math.round(value)));

/** @param {string} text @returns {Stroke[]} */
export function strokesFromText(text) {
  const bytes = fromBase64(text);
  const strokes = [];
  for (let at = 0; at + 2 <= bytes.length; ) {
    const [radius, count] = [bytes[at], bytes[at + 1]];
    const end = at + 2 + 2 * count;
    if (!radius || !count || end > bytes.length) return [];
    strokes.push({ radius: radius / RADIUS_STEPS, points: Array.from(bytes.subarray(at + 2, end), (byte) => byte / 255) });
    at = end;
  }
  return strokes;
}

/** @param {readonly Stroke[]} strokes */
export function tidied(strokes) {
  const text = strokesToText(strokes);
  return text || !strokes.length ? strokesFromText(text) : [...strokes];
}

/** @param {readonly Stroke[]} strokes @returns {Stroke[]} */
export function withoutLast(strokes) {
  let kept = strokes.length - 1;
  while (kept > 0 && continues(strokes[kept - 1], strokes[kept])) kept--;
  return strokes.slice(0, Math.max(0, kept));
}

/** @param {Stroke} before @param {Stroke} after */
function continues({ points: a }, { points: b }) {
  return a[a.length - 2] === b[0] && a[a.length - 1] === b[1];
}

/**
 * Ramer, Douglas and Peucker's way: keep the corner farthest from the line, then look at both sides.
 * @param {ArrayLike<number>} points x0, y0, x1, y1, ... @param {number} tolerance
 * @returns {number[]}
 */
export function simplified(points, tolerance) {
  const last = points.length / 2 - 1;
  if (last < 2) return Array.from(points);
  const keep = new Uint8Array(last + 1);
  keep[0] = keep[last] = 1;
  const open = [[0, last]];
  for (let span = open.pop(); span; span = open.pop()) {
    const [from, to] = span;
    let [farthest, distance] = [-1, tolerance];
    for (let i = from + 1; i < to; i++) {
      const away = distanceToSegment(points, i, from, to);
      if (away > distance) [farthest, distance] = [i, away];
    }
    if (farthest < 0) continue;
    keep[farthest] = 1;
    open.push([from, farthest], [farthest, to]);
  }
  return Array.from(points).filter((_, i) => keep[i >> 1]);
}

/** @param {ArrayLike<number>} points @param {number} i @param {number} from @param {number} to */
function distanceToSegment(points, i, from, to) {
  const [ax, ay] = [points[2 * from], points[2 * from + 1]];
  const [dx, dy] = [points[2 * to] - ax, points[2 * to + 1] - ay];
  const [x, y] = [points[2 * i] - ax, points[2 * i + 1] - ay];
  const length2 = dx * dx + dy * dy;
  const along = length2 ? Math.min(1, Math.max(0, (x * dx + y * dy) / length2)) : 0;
  return Math.hypot(x - along * dx, y - along * dy);
}

/** @param {number[]} bytes */
function toBase64(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** @param {string} text @returns {Uint8Array} empty if it is none */
function fromBase64(text) {
  try {
    return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}
