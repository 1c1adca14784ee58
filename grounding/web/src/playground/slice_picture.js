/**
 * The slice as a picture: decoded images in their places, coloured by basin, with the field, the path
 * and the current point over them.
 *
 *   const picture = slicePicture([C, H, W], side, {onPoint});   picture.node
 *   picture.show(parts, theme)     parts: see Parts; what is null is left out
 *   picture.place                  where the keyboard is, {x, y} in the plane
 *
 * A click, or the arrow keys and a pointer that is dragged, choose a point of the plane: onPoint(x, y).
 */

import { background, cssColor, foreground } from "../colors.js";
import { cellCentre } from "../plane.js";
import { element } from "../ui/element.js";
import { arrowOf, isPlain } from "../ui/keys.js";

/** @typedef {import("../colors.js").Theme} Theme */
/** @typedef {import("../colors.js").Rgb} Rgb */

/**
 * @typedef {object} Parts
 * @property {import("../plane.js").Plane} plane
 * @property {Float32Array | null} decoded (side * side, C * H * W)
 * @property {(Rgb | null)[] | null} colors of each cell
 * @property {{x: number, y: number}[] | null} field f(z) - z of each cell, on the plane
 * @property {{x: number, y: number, name: string}[]} ends A, B and perhaps C
 * @property {{x: number, y: number, isOn: boolean} | null} current
 */

/** Pixels of the canvas for one of an image's, at least: marks are drawn finer than pixels. */
const PIXELS = 1_120;
/** How much of its colour a cell's ground keeps: strokes are white. */
const GROUND = { light: 0.62, dark: 0.48 };
/** The longest arrow, in cells. */
const LONGEST = 0.8;
const KEYS_PER_SIDE = 30;
const FINE = 5;

/** @param {readonly number[]} shape @param {number} side @param {{onPoint: (x: number, y: number) => void}} listeners */
export function slicePicture([channels, height, width], side, { onPoint }) {
  const cell = Math.max(1, Math.round(PIXELS / side));
  const size = cell * side;
  const canvas = element("canvas", {
    class: "slice-picture",
    width: size,
    height: size,
    tabindex: 0,
    role: "application",
    "aria-label": "A slice of the latent space, as decoded images. Arrow keys move the current point, with Shift in small steps.",
  });
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const small = element("canvas", { width: width * side, height: height * side });
  const smallPen = /** @type {CanvasRenderingContext2D} */ (small.getContext("2d"));
  /** @type {Parts | null} */
  let parts = null;

  /** @param {number} x @param {number} y @returns {[number, number]} */
  function onCanvas(x, y) {
    const { centre, half } = /** @type {Parts} */ (parts).plane;
    return [((x - centre[0]) / half + 1) * 0.5 * size, (1 - (y - centre[1]) / half) * 0.5 * size];
  }
  /** @param {PointerEvent} event */
  function point(event) {
    if (!parts) return;
    const box = canvas.getBoundingClientRect();
    const { centre, half } = parts.plane;
    const inside = (/** @type {number} */ share) => Math.min(1, Math.max(-1, 2 * share - 1));
    onPoint(centre[0] + half * inside((event.clientX - box.left) / box.width), centre[1] - half * inside((event.clientY - box.top) / box.height));
  }
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button > 0) return;
    canvas.setPointerCapture(event.pointerId);
    point(event);
  });
  canvas.addEventListener("pointermove", (event) => canvas.hasPointerCapture(event.pointerId) && point(event));
  canvas.addEventListener("keydown", (event) => {
    const way = arrowOf(event);
    if (!way || !parts || !isPlain(event)) return;
    event.preventDefault();
    const { centre, half } = parts.plane;
    const { x, y } = parts.current ?? { x: centre[0], y: centre[1] };
    const step = (2 * half) / KEYS_PER_SIDE / (event.shiftKey ? FINE : 1);
    const inside = (/** @type {number} */ value, /** @type {number} */ middle) => Math.min(middle + half, Math.max(middle - half, value));
    onPoint(inside(x + way[0] * step, centre[0]), inside(y - way[1] * step, centre[1]));
  });

  /** @param {Float32Array} decoded @param {Parts["colors"]} colors @param {Theme} theme */
  function drawImages(decoded, colors, theme) {
    const image = smallPen.createImageData(width * side, height * side);
    const plane = width * height;
    const [green, blue] = channels >= 3 ? [plane, 2 * plane] : [0, 0];
    for (let i = 0; i < side * side; i++) {
      // The ground of grey images takes the colour; others keep theirs, and have a frame.
      const ground = channels < 3 && colors?.[i] ? colors[i]?.map((value) => value * GROUND[theme]) : null;
      const from = i * channels * plane;
      for (let row = 0, at = from; row < height; row++) {
        let to = 4 * ((Math.floor(i / side) * height + row) * width * side + (i % side) * width);
        for (let column = 0; column < width; column++, at++, to += 4) {
          const rgb = [decoded[at], decoded[at + green], decoded[at + blue]];
          for (let k = 0; k < 3; k++) image.data[to + k] = ground ? ground[k] + (255 - ground[k]) * rgb[k] : 255 * rgb[k];
          image.data[to + 3] = 255;
        }
      }
    }
    smallPen.putImageData(image, 0, 0);
    pen.imageSmoothingEnabled = true;
    pen.drawImage(small, 0, 0, size, size);
  }
  /** @param {NonNullable<Parts["colors"]>} colors */
  function drawFrames(colors) {
    pen.lineWidth = cell * 0.09;
    colors.forEach((color, i) => {
      if (!color) return;
      pen.strokeStyle = cssColor(color);
      pen.strokeRect((i % side) * cell + pen.lineWidth / 2, Math.floor(i / side) * cell + pen.lineWidth / 2, cell - pen.lineWidth, cell - pen.lineWidth);
    });
  }
  /** @param {NonNullable<Parts["field"]>} field @param {Parts["plane"]} plane */
  function drawField(field, plane) {
    const longest = Math.max(...field.map(({ x, y }) => Math.hypot(x, y))) || 1;
    const isSeen = (LONGEST * cell) / Math.sqrt(longest);
    for (const [color, more] of /** @type {const} */ ([["rgb(0 0 0 / 60%)", 0.03 * cell], ["rgb(255 255 255 / 85%)", 0]])) {
      pen.strokeStyle = pen.fillStyle = color;
      pen.lineWidth = 0.028 * cell + more;
      pen.lineCap = "round";
      pen.lineJoin = "round";
      field.forEach(({ x, y }, i) => {
        const length = Math.hypot(x, y);
        if (!length) return;
        // The square root of the length: short steps are seen beside long ones.
        const drawn = isSeen * Math.sqrt(length);
        const [cx, cy] = onCanvas(...cellCentre(plane, side, Math.floor(i / side), i % side));
        const [dx, dy] = [(drawn * x) / length, (-drawn * y) / length];
        const [ex, ey] = [cx + dx / 2, cy + dy / 2];
        const head = Math.min(0.17 * cell, 0.5 * drawn) / drawn;
        pen.beginPath();
        pen.moveTo(cx - dx / 2, cy - dy / 2);
        pen.lineTo(ex, ey);
        pen.moveTo(ex - head * (dx - 0.6 * dy), ey - head * (dy + 0.6 * dx));
        pen.lineTo(ex, ey);
        pen.lineTo(ex - head * (dx + 0.6 * dy), ey - head * (dy - 0.6 * dx));
        pen.stroke();
      });
    }
  }
  /** @param {Parts} drawn @param {Theme} theme */
  function drawMarks({ ends, current }, theme) {
    const [back, front] = [cssColor(background(theme)), cssColor(foreground(theme))];
    const at = ends.map(({ x, y }) => onCanvas(x, y));
    if (at.length >= 2) {
      for (const [color, lineWidth] of /** @type {const} */ ([[back, 0.16 * cell], [front, 0.08 * cell]])) {
        pen.strokeStyle = color;
        pen.lineWidth = lineWidth;
        pen.beginPath();
        pen.moveTo(...at[0]);
        pen.lineTo(...at[1]);
        pen.stroke();
      }
    }
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.font = `bold ${0.34 * cell}px system-ui, sans-serif`;
    ends.forEach(({ name }, i) => {
      disc(at[i], 0.3 * cell, front, back);
      pen.fillStyle = back;
      pen.fillText(name, at[i][0], at[i][1] + 0.02 * cell);
    });
    if (!current) return;
    const [x, y] = onCanvas(current.x, current.y);
    // Off the plane it is hollow, as off the manifold on the map.
    for (const [color, lineWidth] of /** @type {const} */ ([["#000", 0.2 * cell], ["#fff", 0.1 * cell]])) {
      pen.strokeStyle = color;
      pen.lineWidth = lineWidth;
      pen.setLineDash(current.isOn ? [] : [0.18 * cell, 0.14 * cell]);
      pen.beginPath();
      pen.arc(x, y, 0.42 * cell, 0, 2 * Math.PI);
      pen.stroke();
    }
    pen.setLineDash([]);
  }
  /** @param {readonly number[]} at @param {number} radius @param {string} color @param {string} edge */
  function disc([x, y], radius, color, edge) {
    for (const [style, more] of /** @type {const} */ ([[edge, 0.06 * cell], [color, 0]])) {
      pen.fillStyle = style;
      pen.beginPath();
      pen.arc(x, y, radius + more, 0, 2 * Math.PI);
      pen.fill();
    }
  }
  return {
    node: canvas,
    /** @param {Parts} next @param {Theme} theme */
    show(next, theme) {
      parts = next;
      const { decoded, colors, field } = next;
      pen.fillStyle = "#000";
      pen.fillRect(0, 0, size, size);
      if (decoded) drawImages(decoded, colors, theme);
      else if (colors) {
        colors.forEach((color, i) => {
          pen.fillStyle = color ? cssColor(/** @type {Rgb} */ (color.map((value) => Math.round(value * GROUND[theme])))) : "#000";
          pen.fillRect((i % side) * cell, Math.floor(i / side) * cell, cell, cell);
        });
      }
      if (decoded && colors && channels >= 3) drawFrames(colors);
      if (field) drawField(field, next.plane);
      drawMarks(next, theme);
    },
  };
}
