/**
 * A pad of the images' shape to draw on with mouse, pen or finger.
 *
 *   const pad = drawingPad([C, H, W], {onChange});   pad.canvas, pad.undo, pad.clear
 *   pad.set(strokes)                      from outside: no onChange
 *   onChange(strokes, isDone)             with every new point; isDone at the end of a stroke
 *
 * A pen's pressure widens the line: a stroke is then a chain of pieces, see strokes.js.
 */

import { PEN_RADIUS } from "../drawing.js";
import { element } from "../ui/element.js";
import { tidied, withoutLast } from "./strokes.js";

/** @typedef {import("../drawing.js").Stroke} Stroke */

/** Pixels across. */
const SIDE = 392;
/** Nearer points than this, in units of the sides, add nothing. */
const STEP = 0.006;
/** A piece of a stroke ends where the pressure has changed by this share. */
const PRESSURE_STEP = 0.12;

/**
 * @param {readonly number[]} shape
 * @param {{onChange: (strokes: readonly Stroke[], isDone: boolean) => void}} listeners
 */
export function drawingPad([, rows, columns], { onChange }) {
  const high = Math.round((SIDE * rows) / columns);
  const penRadius = PEN_RADIUS * Math.min(1, rows / columns);
  /** @type {Stroke[]} */
  let strokes = [];
  /** @type {{id: number, points: number[], radius: number} | null} */
  let pen = null;
  const canvas = element("canvas", {
    class: "pad",
    width: SIDE,
    height: high,
    role: "img",
    "aria-label": "Drawing pad for mouse, pen or finger",
  });
  const ink = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { alpha: false }));
  const undo = element("button", { type: "button", onclick: () => change(withoutLast(strokes), true) }, "Undo");
  const clear = element("button", { type: "button", onclick: () => change([], true) }, "Clear");

  /** @param {PointerEvent} event @returns {[number, number]} */
  function place(event) {
    const box = canvas.getBoundingClientRect();
    const inside = (/** @type {number} */ value) => Math.min(1, Math.max(0, value));
    return [inside((event.clientX - box.left) / box.width), inside((event.clientY - box.top) / box.height)];
  }
  /** @param {PointerEvent} event */
  const radius = ({ pointerType, pressure }) => penRadius * (pointerType === "pen" && pressure > 0 ? 0.5 + pressure : 1);

  /** @param {PointerEvent} event */
  function down(event) {
    if (pen || event.button > 0) return;
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    pen = { id: event.pointerId, points: place(event), radius: radius(event) };
    strokes = [...strokes, pen];
    stroke(pen, 0);
    changed(false);
  }

  /** @param {PointerEvent} event */
  function move(event) {
    if (event.pointerId !== pen?.id) return;
    const before = pen.points.length;
    for (const one of event.getCoalescedEvents?.() ?? [event]) follow(one);
    if (pen.points.length !== before || strokes[strokes.length - 1] !== pen) changed(false);
  }

  /** @param {PointerEvent} event */
  function follow(event) {
    if (!pen) return;
    const { points } = pen;
    const [x, y] = place(event);
    const last = points.slice(-2);
    if (Math.hypot(x - last[0], y - last[1]) < STEP) return;
    const wide = radius(event);
    if (Math.abs(wide / pen.radius - 1) > PRESSURE_STEP) {
      pen = { id: pen.id, points: last, radius: wide };
      strokes.push(pen);
    }
    pen.points.push(x, y);
    stroke(pen, pen.points.length - 4);
  }

  /** @param {PointerEvent} event */
  function up(event) {
    if (event.pointerId !== pen?.id) return;
    pen = null;
    change(tidied(strokes), true);
  }

  /** @param {Stroke} one @param {number} from index of the first coordinate */
  function stroke({ points, radius: wide }, from) {
    ink.lineWidth = 2 * wide * SIDE;
    ink.beginPath();
    ink.moveTo(points[from] * SIDE, points[from + 1] * high);
    for (let i = from; i < points.length; i += 2) ink.lineTo(points[i] * SIDE, points[i + 1] * high);
    ink.stroke();
  }

  function paint() {
    ink.fillStyle = "black";
    ink.fillRect(0, 0, SIDE, high);
    Object.assign(ink, { strokeStyle: "white", lineCap: "round", lineJoin: "round" });
    for (const one of strokes) stroke(one, 0);
    canvas.classList.toggle("empty", !strokes.length);
  }

  /** @param {boolean} isDone */
  function changed(isDone) {
    canvas.classList.toggle("empty", !strokes.length);
    undo.disabled = clear.disabled = !strokes.length;
    onChange(strokes, isDone);
  }
  /** @param {Stroke[]} next @param {boolean} isDone */
  function change(next, isDone) {
    strokes = next;
    paint();
    changed(isDone);
  }

  canvas.addEventListener("pointerdown", down);
  canvas.addEventListener("pointermove", move);
  canvas.addEventListener("pointerup", up);
  canvas.addEventListener("pointercancel", up);
  /** @param {Stroke[]} next */
  function set(next) {
    strokes = next;
    undo.disabled = clear.disabled = !next.length;
    paint();
  }
  set([]);
  return { canvas, undo, clear, set };
}
