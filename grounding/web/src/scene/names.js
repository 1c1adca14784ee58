/**
 * Names at places of the cloud, on a canvas between it and the marks: they stay when only a mark moves.
 *
 *   const layer = namesLayer(canvas);      in front of `canvas`; layer.canvas, layer.dispose()
 *   layer.paint(names, view, {ratio, backdrop})   names: [{text, place, fill, ink}], most important first
 *   freePlaces(boxes, view)                -> [left, top] of each box's upper left corner, null where none is free
 *
 * No two names lie over each other: one whose place is taken goes to a side of it, or is left out for now.
 */

import { project } from "../camera.js";
import { cssColor } from "../colors.js";
import { element } from "../ui/element.js";

/** @typedef {import("../colors.js").Rgb} Rgb */
/** @typedef {{text: string, place: readonly number[], fill: Rgb, ink: Rgb}} Name ink: of the letters, on the fill */
/** @typedef {{x: number, y: number, width: number, height: number}} Box around its middle */

const FAMILY = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
/** In CSS pixels; the second on a small stage. */
const SIZES = [{ font: 13, height: 20, padding: 7 }, { font: 10, height: 15, padding: 5 }];
const SMALL_STAGE = 340;
const LONGEST = 18;
const GAP = 2;
/** In boxes, from the place itself outwards. */
const ASIDE = [[0, 0], [0, -1], [0, 1], [1, 0], [-1, 0], [0, -2], [0, 2]];
/** @type {Map<string, number>} */
const widths = new Map();

/** @param {readonly Box[]} boxes @param {{width: number, height: number}} view @returns {([number, number] | null)[]} */
export function freePlaces(boxes, view) {
  /** @type {[number, number, number, number][]} */
  const taken = [];
  return boxes.map(({ x, y, width, height }) => {
    if (x < 0 || y < 0 || x > view.width || y > view.height) return null;
    for (const [right, down] of ASIDE) {
      const left = x + right * (width + GAP) - width / 2;
      const top = y + down * (height + GAP) - height / 2;
      const isInside = left >= 0 && top >= 0 && left + width <= view.width && top + height <= view.height;
      if (!isInside || taken.some(([l, t, w, h]) => left < l + w + GAP && l < left + width + GAP && top < t + h + GAP && t < top + height + GAP)) continue;
      taken.push([left, top, width, height]);
      return [left, top];
    }
    return null;
  });
}

/** @param {string} text */
const short = (text) => ([...text].length > LONGEST ? `${[...text].slice(0, LONGEST - 1).join("")}…` : text);

/** @param {HTMLElement} below */
export function namesLayer(below) {
  const canvas = element("canvas", { "aria-hidden": "true" });
  const holder = element("div", { class: "names" }, canvas);
  below.after(holder);
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  let isClear = true;
  return {
    canvas,
    /** @param {readonly Name[]} names @param {import("./marks.js").View} view @param {{ratio: number, backdrop: Rgb}} style */
    paint(names, view, { ratio, backdrop }) {
      const [columns, rows] = [Math.floor(view.width * ratio), Math.floor(view.height * ratio)];
      if (canvas.width !== columns || canvas.height !== rows) [canvas.width, canvas.height] = [columns, rows];
      else if (!isClear) {
        pen.setTransform(1, 0, 0, 1, 0, 0);
        pen.clearRect(0, 0, columns, rows);
      }
      pen.setTransform(ratio, 0, 0, ratio, 0, 0);
      paintNames(pen, names, view, backdrop);
      isClear = !names.length;
      // An empty canvas costs as much to lay over the stage as a full one.
      holder.hidden = isClear;
    },
    dispose() {
      holder.remove();
    },
  };
}

/**
 * @param {CanvasRenderingContext2D} pen @param {readonly Name[]} names
 * @param {import("./marks.js").View} view @param {Rgb} edge
 */
function paintNames(pen, names, { matrix, width, height }, edge) {
  if (!names.length) return;
  const { font, height: high, padding } = SIZES[Math.min(width, height) < SMALL_STAGE ? 1 : 0];
  pen.font = `600 ${font}px ${FAMILY}`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.lineWidth = 3;
  pen.setLineDash([]);
  const seen = names.flatMap(({ text, place: [x, y, z], fill, ink }) => {
    const at = project(matrix, x, y, z, width, height);
    const said = short(text);
    const key = `${font} ${said}`;
    if (!widths.has(key)) widths.set(key, pen.measureText(said).width);
    const wide = Math.max(high, Math.ceil(Number(widths.get(key))) + 2 * padding);
    return at.depth > 0 ? [{ x: at.x, y: at.y, width: wide, height: high, said, fill, ink }] : [];
  });
  freePlaces(seen, { width, height }).forEach((free, i) => {
    if (!free) return;
    const { said, fill, ink, width: wide } = seen[i];
    const [left, top] = free.map(Math.round);
    pen.beginPath();
    pen.roundRect(left, top, wide, high, high / 2);
    pen.strokeStyle = cssColor(edge);
    pen.stroke();
    pen.fillStyle = cssColor(fill);
    pen.fill();
    pen.fillStyle = cssColor(ink);
    pen.fillText(said, left + wide / 2, top + high / 2 + 1);
  });
}
