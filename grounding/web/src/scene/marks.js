/**
 * Marks and lines over the cloud, on a transparent canvas of their own.
 *
 *   const marks = marksLayer(canvas);            in front of `canvas`, without taking its pointer
 *   marks.setMarkers(list); marks.setLines(list)
 *   marks.paint({matrix, width, height}, {ratio, backdrop})   view: cloud.js's view()
 *   marks.canvas, marks.dispose()
 *
 * They follow a slider, the points below do not: so the cloud need not be drawn again when only a
 * mark moves. Marks keep their size on the screen; lines are below them.
 */

import { project } from "../camera.js";
import { cssColor } from "../colors.js";
import { element } from "../ui/element.js";

/** @typedef {import("../colors.js").Rgb} Rgb */
/** @typedef {{matrix: Float64Array, width: number, height: number}} View */

/**
 * @typedef {object} Marker
 * @property {readonly number[]} position (3)
 * @property {Rgb} color
 * @property {number} size pixels across, its edge in the colour of the stage included
 * @property {"ring" | "disc" | "cross" | "halo"} shape a halo lets through what is behind it
 */

/**
 * @typedef {object} Line
 * @property {Float32Array} positions (n, 3)
 * @property {Uint8Array} colors (n, 3)
 * @property {number} width pixels
 * @property {boolean} [dashed]
 * @property {boolean} [pairs] each two points are a segment of their own
 */

/** @typedef {{x: number, y: number}} Place */

/** Half the width of a ring's stroke, and the width of the edge around every mark, in pixels. */
const STROKE = 1.5;
const DASHES = [5, 3];
const HALO_ALPHA = 0.14;
/** Depth at which a line that runs behind the camera is cut, in units of the scene. */
const NEAREST = 1e-4;

/** @param {HTMLCanvasElement} below */
export function marksLayer(below) {
  const canvas = element("canvas", { "aria-hidden": "true" });
  const holder = element("div", { class: "marks" }, canvas);
  below.after(holder);
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  /** @type {readonly Marker[]} */
  let markers = [];
  /** @type {readonly Line[]} */
  let lines = [];
  let isClear = true;

  /** @param {number} width @param {number} height @param {number} ratio */
  function clear(width, height, ratio) {
    const [columns, rows] = [Math.floor(width * ratio), Math.floor(height * ratio)];
    if (canvas.width !== columns || canvas.height !== rows) {
      canvas.width = columns;
      canvas.height = rows;
    } else if (!isClear) {
      pen.setTransform(1, 0, 0, 1, 0, 0);
      pen.clearRect(0, 0, columns, rows);
    }
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  }
  return {
    canvas,
    /** @param {readonly Marker[]} list */
    setMarkers(list) {
      markers = list;
    },
    /** @param {readonly Line[]} list */
    setLines(list) {
      lines = list;
    },
    /** @param {View} view @param {{ratio: number, backdrop: Rgb}} style */
    paint(view, { ratio, backdrop }) {
      clear(view.width, view.height, ratio);
      for (const line of lines) drawLine(pen, line, view);
      for (const marker of markers) drawMarker(pen, marker, view, cssColor(backdrop));
      isClear = !lines.length && !markers.length;
      // An empty canvas costs as much to lay over the stage as a full one.
      holder.hidden = isClear;
    },
    dispose() {
      holder.remove();
    },
  };
}

/** @param {CanvasRenderingContext2D} pen @param {Marker} marker @param {View} view @param {string} edge */
function drawMarker(pen, { position, color, size, shape }, { matrix, width, height }, edge) {
  const [x, y, z] = position;
  const { depth, ...place } = project(matrix, x, y, z, width, height);
  const radius = size / 2 - 1 - 2 * STROKE;
  if (depth <= 0 || radius <= 0) return;
  pen.lineCap = "butt";
  if (shape === "halo") return drawHalo(pen, place, size / 2, cssColor(color));
  // Twice: the edge first, wider by a stroke all around.
  for (const [style, more] of /** @type {const} */ ([[edge, STROKE], [cssColor(color), 0]])) {
    pen.strokeStyle = pen.fillStyle = style;
    pen.lineWidth = 2 * (STROKE + more);
    pen.beginPath();
    if (shape === "cross") {
      const arm = (radius + more) * Math.SQRT1_2;
      for (const side of [1, -1]) {
        pen.moveTo(place.x - arm, place.y - side * arm);
        pen.lineTo(place.x + arm, place.y + side * arm);
      }
    } else pen.arc(place.x, place.y, shape === "disc" ? radius + more : radius, 0, 2 * Math.PI);
    if (shape === "disc") pen.fill();
    else pen.stroke();
  }
}

/** @param {CanvasRenderingContext2D} pen @param {Place} place @param {number} radius @param {string} color */
function drawHalo(pen, { x, y }, radius, color) {
  pen.fillStyle = pen.strokeStyle = color;
  pen.lineWidth = STROKE;
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.globalAlpha = HALO_ALPHA;
  pen.fill();
  pen.globalAlpha = 1;
  pen.stroke();
}

/** @param {CanvasRenderingContext2D} pen @param {Line} line @param {View} view */
function drawLine(pen, { positions, colors, width, dashed = false, pairs = false }, view) {
  if (!width) return;
  pen.lineWidth = width;
  // Ends and joints are round: one path in many colours has no gaps between them.
  pen.lineCap = dashed ? "butt" : "round";
  pen.lineJoin = "round";
  pen.setLineDash(dashed ? DASHES : []);
  const count = positions.length / 3;
  /** @type {Place | null} */
  let reached = null;
  let style = "";
  for (let i = 0; i + 1 < count; i += pairs ? 2 : 1) {
    const ends = seen(positions, i, view);
    if (!ends) continue;
    const next = cssColor([colors[3 * i], colors[3 * i + 1], colors[3 * i + 2]]);
    // A path goes on while its colour stays: dashes run through, and there is one stroke to draw.
    if (next !== style || pairs || reached?.x !== ends[0].x || reached.y !== ends[0].y) {
      if (reached) pen.stroke();
      pen.beginPath();
      pen.moveTo(ends[0].x, ends[0].y);
      pen.strokeStyle = style = next;
    }
    pen.lineTo(ends[1].x, ends[1].y);
    reached = ends[1];
  }
  if (reached) pen.stroke();
  pen.setLineDash([]);
}

/**
 * Where the ends of a segment are on the screen; what is behind the camera is cut off.
 * @param {Float32Array} positions @param {number} at the first point's row @param {View} view
 * @returns {[Place, Place] | null}
 */
function seen(positions, at, { matrix, width, height }) {
  const a = positions.subarray(3 * at, 3 * at + 3);
  const b = positions.subarray(3 * at + 3, 3 * at + 6);
  const place = (/** @type {ArrayLike<number>} */ p) => project(matrix, p[0], p[1], p[2], width, height);
  const [from, to] = [place(a), place(b)];
  if (from.depth < NEAREST && to.depth < NEAREST) return null;
  const share = (NEAREST - from.depth) / (to.depth - from.depth);
  const cut = () => place([0, 1, 2].map((axis) => a[axis] + share * (b[axis] - a[axis])));
  return [from.depth < NEAREST ? cut() : from, to.depth < NEAREST ? cut() : to];
}
