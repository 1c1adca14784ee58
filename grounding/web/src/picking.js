/**
 * Which point the cursor means, by distance on the screen.
 *
 *   const screen = projectPoints(positions, matrix, width, height);   once per camera
 *   nearestOnScreen(screen, x, y, radius, {only}) -> index or -1
 *   insideBox(screen, x0, y0, x1, y1, {only})     -> Int32Array of indices, ascending
 *   insideLasso(screen, outline, {only})          -> Int32Array; outline [x0, y0, x1, y1, ...]
 *   inside("box" | "lasso", screen, outline, {only})  either, with the outlines of controls.js
 *
 * Everything in CSS pixels from the canvas's upper left corner. Points behind the camera or off
 * the canvas by more than MARGIN are never found. `only(index)` leaves points out.
 */

/**
 * @typedef {object} Screen
 * @property {Float32Array} x
 * @property {Float32Array} y
 * @property {Float32Array} depth above 0 in front of the camera
 * @property {number} columns cells of a grid over the canvas
 * @property {number} rows
 * @property {Int32Array} starts (cells + 1) where each cell's points begin in `members`
 * @property {Int32Array} members points by cell, ascending in each
 */

/** @typedef {{only?: (index: number) => boolean}} Choice */

const CELL = 16;
const MARGIN = 32;

/**
 * @param {ArrayLike<number>} positions (N, 3), fastest as Float32Array
 * @param {ArrayLike<number>} matrix viewProjection's
 * @param {number} width @param {number} height @returns {Screen}
 */
export function projectPoints(positions, matrix, width, height) {
  const count = positions.length / 3;
  const x = new Float32Array(count);
  const y = new Float32Array(count);
  const depth = new Float32Array(count);
  const columns = Math.max(1, Math.ceil((width + 2 * MARGIN) / CELL));
  const rows = Math.max(1, Math.ceil((height + 2 * MARGIN) / CELL));
  const cells = new Int32Array(count);
  const starts = new Int32Array(columns * rows + 1);
  const m = Float64Array.from(matrix);
  const [halfWidth, halfHeight] = [width / 2, height / 2];
  for (let i = 0, at = 0; i < count; i++, at += 3) {
    const px = positions[at];
    const py = positions[at + 1];
    const pz = positions[at + 2];
    const w = m[3] * px + m[7] * py + m[11] * pz + m[15];
    const sx = ((m[0] * px + m[4] * py + m[8] * pz + m[12]) / w + 1) * halfWidth;
    const sy = (1 - (m[1] * px + m[5] * py + m[9] * pz + m[13]) / w) * halfHeight;
    depth[i] = w;
    x[i] = sx;
    y[i] = sy;
    const column = Math.floor((sx + MARGIN) / CELL);
    const row = Math.floor((sy + MARGIN) / CELL);
    const isSeen = w > 0 && column >= 0 && row >= 0 && column < columns && row < rows;
    const cell = isSeen ? row * columns + column : -1;
    cells[i] = cell;
    if (isSeen) starts[cell + 1]++;
  }
  for (let cell = 0; cell < columns * rows; cell++) starts[cell + 1] += starts[cell];
  const members = new Int32Array(starts[columns * rows]);
  const next = starts.slice();
  for (let i = 0; i < count; i++) if (cells[i] >= 0) members[next[cells[i]]++] = i;
  return { x, y, depth, columns, rows, starts, members };
}

/**
 * @param {Screen} screen @param {number} x @param {number} y @param {number} radius
 * @param {Choice} [choice]
 * @returns {number} nearest point within the radius, or -1; at equal distance the one in front
 */
export function nearestOnScreen(screen, x, y, radius, { only } = {}) {
  let best = -1;
  let bestDistance = radius * radius;
  forEachNear(screen, x - radius, y - radius, x + radius, y + radius, (i) => {
    const distance = (screen.x[i] - x) ** 2 + (screen.y[i] - y) ** 2;
    if (distance > bestDistance || (only && !only(i))) return;
    if (distance === bestDistance && best >= 0 && screen.depth[i] >= screen.depth[best]) return;
    best = i;
    bestDistance = distance;
  });
  return best;
}

/**
 * @param {Screen} screen @param {number} x0 @param {number} y0 @param {number} x1 @param {number} y1
 * @param {Choice} [choice] @returns {Int32Array}
 */
export function insideBox(screen, x0, y0, x1, y1, { only } = {}) {
  const [left, right] = x0 < x1 ? [x0, x1] : [x1, x0];
  const [top, bottom] = y0 < y1 ? [y0, y1] : [y1, y0];
  /** @type {number[]} */
  const found = [];
  forEachNear(screen, left, top, right, bottom, (i) => {
    const [x, y] = [screen.x[i], screen.y[i]];
    if (x >= left && x <= right && y >= top && y <= bottom && (!only || only(i))) found.push(i);
  });
  return Int32Array.from(found).sort();
}

/**
 * @param {Screen} screen @param {ArrayLike<number>} outline closed by itself, at least 3 corners
 * @param {Choice} [choice] @returns {Int32Array}
 */
export function insideLasso(screen, outline, { only } = {}) {
  let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
  for (let i = 0; i + 1 < outline.length; i += 2) {
    left = Math.min(left, outline[i]);
    right = Math.max(right, outline[i]);
    top = Math.min(top, outline[i + 1]);
    bottom = Math.max(bottom, outline[i + 1]);
  }
  /** @type {number[]} */
  const found = [];
  if (outline.length < 6) return new Int32Array();
  forEachNear(screen, left, top, right, bottom, (i) => {
    if (isInside(outline, screen.x[i], screen.y[i]) && (!only || only(i))) found.push(i);
  });
  return Int32Array.from(found).sort();
}

/** @param {"box" | "lasso"} shape @param {Screen} screen @param {number[]} outline @param {Choice} [choice] */
export function inside(shape, screen, outline, choice) {
  const [x0, y0, x1, y1] = outline;
  return shape === "box" ? insideBox(screen, x0, y0, x1, y1, choice) : insideLasso(screen, outline, choice);
}

/** Even-odd rule. @param {ArrayLike<number>} outline @param {number} x @param {number} y */
function isInside(outline, x, y) {
  let inside = false;
  let [x0, y0] = [outline[outline.length - 2], outline[outline.length - 1]];
  for (let i = 0; i + 1 < outline.length; i += 2) {
    const [x1, y1] = [outline[i], outline[i + 1]];
    if (y1 > y !== y0 > y && x < x1 + ((x0 - x1) * (y - y1)) / (y0 - y1)) inside = !inside;
    [x0, y0] = [x1, y1];
  }
  return inside;
}

/**
 * @param {Screen} screen @param {number} left @param {number} top @param {number} right
 * @param {number} bottom @param {(index: number) => void} visit
 */
function forEachNear({ columns, rows, starts, members }, left, top, right, bottom, visit) {
  /** @param {number} pixel @param {number} count */
  const cell = (pixel, count) => Math.min(count - 1, Math.max(0, Math.floor((pixel + MARGIN) / CELL)));
  const [first, last] = [cell(left, columns), cell(right, columns)];
  for (let row = cell(top, rows); row <= cell(bottom, rows); row++) {
    const end = starts[row * columns + last + 1];
    for (let at = starts[row * columns + first]; at < end; at++) visit(members[at]);
  }
}
