/**
 * Mouse, pen, touch and keyboard on a cloud's canvas.
 *
 *   const controls = attachControls(canvas, cloud, {onHover, onClick, onDouble, onFit, onFlat, onSelect, only});
 *   controls.setTool("orbit" | "pan" | "box" | "lasso");   controls.detach()
 *
 * Drag turns, right or middle drag or Shift-drag pans, wheel or pinch zooms, two fingers pan. A wheel keeps
 * what is under the cursor there, a pinch what is between the fingers. A flat cloud is moved, not turned.
 * Keys on the focused canvas: arrows turn, Shift + arrows pan, + and - zoom, 0 or Home asks for onFit(),
 * 2 and 3 for onFlat(isFlat), Enter picks the point nearest to the middle (KEYS lists them for the reader).
 * onHover(index | -1, x, y) and onClick(index | -1, x, y) name the point under the cursor, picked
 * by distance on the screen; the second click of two on a point is onDouble(index). In the frame of another page,
 * wheel and finger scroll that page (zoom with Ctrl + wheel or two fingers). onSelect(shape, outline, isDone, event) gives the box [x0, y0, x1, y1] or the
 * lasso [x, y, ...] while it is drawn. `only` (a getter) says which points can be picked.
 */

import { orbit, pan, zoom, zoomAt } from "./camera.js";
import { nearestOnScreen } from "./picking.js";
import { arrowOf, isPlain } from "./ui/keys.js";

/** @typedef {import("./cloud.js").Cloud} Cloud */
/** @typedef {"orbit" | "pan" | "box" | "lasso"} Tool */

/**
 * @typedef {object} ControlListeners
 * @property {(index: number, x: number, y: number) => void} [onHover]
 * @property {(index: number, x: number, y: number, event: PointerEvent | KeyboardEvent) => void} [onClick]
 * @property {(index: number) => void} [onDouble]
 * @property {() => void} [onFit]
 * @property {(isFlat: boolean) => void} [onFlat]
 * @property {(shape: "box" | "lasso", outline: number[], isDone: boolean, event: PointerEvent) => void} [onSelect]
 * @property {() => ((index: number) => boolean) | undefined} [only]
 */

const RADIANS_PER_PIXEL = 0.007;
const RADIANS_PER_KEY = 0.1;
const PIXELS_PER_KEY = 30;
const ZOOM_PER_KEY = 1.15;
const CLICK_PIXELS = 5;
const REACH = { mouse: 12, touch: 24, key: 80, zoom: 40 };
/** Two clicks within this time and way are one double click. */
const DOUBLE_MS = 350;
const DOUBLE_PIXELS = 12;
/** A wheel that rests so long begins anew, with what is then under the cursor. */
const WHEEL_MS = 300;

/** @type {[keys: string, what: string][]} for ui/keys.js */
export const KEYS = [
  ["Drag", "Turn"],
  ["Shift + drag, right drag, two fingers", "Move"],
  ["Wheel, pinch", "Zoom to what is under the cursor, between the fingers"],
  ["Double-click a point", "Fly to it"],
  ["Arrow keys", "Turn"],
  ["Shift + arrow keys", "Move"],
  ["+ and −", "Zoom"],
  ["0", "Fit the selection, the class shown alone, or all"],
  ["2, 3", "Flat, or in three dimensions"],
  ["Enter", "Choose the point nearest to the middle"],
];

/** @param {HTMLCanvasElement} canvas @param {Cloud} cloud @param {ControlListeners} [listeners] */
export function attachControls(canvas, cloud, { onHover, onClick, onDouble, onFit, onFlat, onSelect, only } = {}) {
  /** @type {Tool} */
  let tool = "orbit";
  /** @type {Map<number, {x: number, y: number}>} */
  const pointers = new Map();
  /** @type {{x: number, y: number, moved: number, tool: Tool, outline: number[]} | null} */
  let drag = null;
  let hoverFrame = 0;
  let clicked = { x: 0, y: 0, time: -Infinity };
  let wheeled = { time: -Infinity, ratio: 1 };
  const stop = new AbortController();

  /** @param {MouseEvent} event */
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const size = () => ({ width: canvas.clientWidth, height: canvas.clientHeight });
  /** @param {number} x @param {number} y @param {PointerEvent} event */
  const pick = (x, y, event) =>
    nearestOnScreen(cloud.screen(), x, y, event.pointerType === "touch" ? REACH.touch : REACH.mouse, {
      only: only?.(),
    });

  /** @param {PointerEvent} event */
  function down(event) {
    canvas.setPointerCapture(event.pointerId);
    const at = place(event);
    pointers.set(event.pointerId, at);
    // Shift with a box or a lasso adds to a selection.
    const panning = event.button > 0 || (event.shiftKey && tool !== "box" && tool !== "lasso");
    const chosen = panning || (cloud.isFlat && tool === "orbit") ? "pan" : tool;
    drag = pointers.size === 1 ? { ...at, moved: 0, tool: chosen, outline: [at.x, at.y] } : null;
  }

  /** @param {PointerEvent} event */
  function move(event) {
    const at = place(event);
    const before = pointers.get(event.pointerId);
    if (!before) return hover(at, event);
    const others = [...pointers].filter(([id]) => id !== event.pointerId).map(([, other]) => other);
    pointers.set(event.pointerId, at);
    const [dx, dy] = [at.x - before.x, at.y - before.y];
    if (others.length) return pinch(before, at, others[0]);
    if (!drag) return;
    drag.moved += Math.abs(dx) + Math.abs(dy);
    if (drag.moved < CLICK_PIXELS) return;
    if (drag.tool === "orbit") {
      cloud.setCamera(orbit(cloud.camera, dx * RADIANS_PER_PIXEL, dy * RADIANS_PER_PIXEL));
    } else if (drag.tool === "pan") {
      cloud.setCamera(pan(cloud.camera, dx, dy, canvas.clientHeight));
    } else {
      if (drag.tool === "box") drag.outline = [drag.x, drag.y, at.x, at.y];
      else drag.outline.push(at.x, at.y);
      onSelect?.(drag.tool, drag.outline, false, event);
    }
  }

  /** @param {{x: number, y: number}} before @param {{x: number, y: number}} at @param {{x: number, y: number}} other */
  function pinch(before, at, other) {
    const spread = (/** @type {{x: number, y: number}} */ p) => Math.hypot(p.x - other.x, p.y - other.y) || 1;
    const middle = { x: (before.x + other.x) / 2, y: (before.y + other.y) / 2 };
    const nearer = zoomAt(cloud.camera, spread(before) / spread(at), middle, size());
    cloud.setCamera(pan(nearer, (at.x - before.x) / 2, (at.y - before.y) / 2, canvas.clientHeight));
  }

  /** @param {{x: number, y: number}} at @param {PointerEvent} event */
  function hover({ x, y }, event) {
    cancelAnimationFrame(hoverFrame);
    hoverFrame = requestAnimationFrame(() => onHover?.(pick(x, y, event), x, y));
  }

  /** @param {PointerEvent} event */
  function up(event) {
    const at = place(event);
    pointers.delete(event.pointerId);
    const ended = drag;
    drag = null;
    // Ready for the next hover, which may come before the next frame.
    if (ended && ended.moved >= CLICK_PIXELS) cloud.screen();
    if (!ended || event.type === "pointercancel") return;
    if (ended.moved < CLICK_PIXELS) click(at, event);
    else if (ended.tool === "box" || ended.tool === "lasso") onSelect?.(ended.tool, ended.outline, true, event);
  }

  /** @param {{x: number, y: number}} at @param {PointerEvent} event */
  function click({ x, y }, event) {
    const index = pick(x, y, event);
    const isDouble = event.timeStamp - clicked.time < DOUBLE_MS && Math.hypot(x - clicked.x, y - clicked.y) < DOUBLE_PIXELS;
    clicked = { x, y, time: isDouble ? -Infinity : event.timeStamp };
    if (isDouble && index >= 0 && onDouble) onDouble(index);
    else onClick?.(index, x, y, event);
  }

  /** @param {PointerEvent} event */
  function leave(event) {
    cancelAnimationFrame(hoverFrame);
    const { x, y } = place(event);
    if (!pointers.size) onHover?.(-1, x, y);
  }

  /** @param {WheelEvent} event */
  function wheel(event) {
    // In the frame of another page the wheel scrolls that page; a pinch on a trackpad is a wheel with Ctrl.
    if (isInFrame && !event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const pixels = event.deltaMode === 0 ? event.deltaY : event.deltaY * 30;
    const at = place(event);
    if (event.timeStamp - wheeled.time > WHEEL_MS) {
      const index = nearestOnScreen(cloud.screen(), at.x, at.y, REACH.zoom, { only: only?.() });
      wheeled.ratio = index < 0 ? 1 : cloud.screen().depth[index] / cloud.camera.distance;
    }
    wheeled.time = event.timeStamp;
    const factor = Math.exp(Math.max(-300, Math.min(300, pixels)) * 0.0015);
    cloud.setCamera(zoomAt(cloud.camera, factor, at, size(), wheeled.ratio));
  }

  /** @param {KeyboardEvent} event */
  function key(event) {
    if (!isPlain(event)) return;
    const way = arrowOf(event);
    const { camera } = cloud;
    if (way) {
      const [right, downwards] = way;
      cloud.setCamera(
        event.shiftKey || cloud.isFlat
          ? pan(camera, right * PIXELS_PER_KEY, downwards * PIXELS_PER_KEY, canvas.clientHeight)
          : orbit(camera, right * RADIANS_PER_KEY, downwards * RADIANS_PER_KEY),
      );
    } else if (event.key === "+" || event.key === "=") cloud.setCamera(zoom(camera, 1 / ZOOM_PER_KEY));
    else if (event.key === "-") cloud.setCamera(zoom(camera, ZOOM_PER_KEY));
    else if (event.key === "0" || event.key === "Home") onFit?.();
    else if (event.key === "2" || event.key === "3") onFlat?.(event.key === "2");
    else if (event.key === "Enter") {
      const [x, y] = [canvas.clientWidth / 2, canvas.clientHeight / 2];
      onClick?.(nearestOnScreen(cloud.screen(), x, y, REACH.key, { only: only?.() }), x, y, event);
    }
    else return;
    event.preventDefault();
  }

  const options = { signal: stop.signal };
  const isInFrame = document.documentElement.classList.contains("embed");
  // There, one finger up or down scrolls that page as well; it turns to the sides, two fingers do all.
  canvas.style.touchAction = isInFrame ? "pan-y" : "none";
  canvas.addEventListener("pointerdown", down, options);
  canvas.addEventListener("pointermove", move, options);
  canvas.addEventListener("pointerup", up, options);
  canvas.addEventListener("pointercancel", up, options);
  canvas.addEventListener("pointerleave", leave, options);
  canvas.addEventListener("wheel", wheel, { passive: false, signal: stop.signal });
  canvas.addEventListener("keydown", key, options);
  canvas.addEventListener("contextmenu", (event) => event.preventDefault(), options);
  return {
    /** @param {Tool} next */
    setTool(next) {
      tool = next;
    },
    detach() {
      cancelAnimationFrame(hoverFrame);
      stop.abort();
    },
  };
}
