/**
 * The stage as a picture with title and legend.
 *
 *   withWords(canvas, scale, {title, legend, background, foreground})   -> canvas
 *   await blobOf(canvas)                                                -> PNG
 */

import { PageError } from "../errors.js";
import { element } from "../ui/element.js";
import { TITLE_HEIGHT, legendPlaces } from "./svg.js";

const FONT = "14px system-ui, sans-serif";

/**
 * @param {HTMLCanvasElement} canvas @param {number} scale pixels for each of CSS
 * @param {{title: string, legend: readonly import("./svg.js").Entry[], background: string, foreground: string}} words
 */
export function withWords(canvas, scale, { title, legend, background, foreground }) {
  const [width, height] = [canvas.width / scale, canvas.height / scale];
  const measuring = /** @type {CanvasRenderingContext2D} */ (element("canvas").getContext("2d"));
  measuring.font = FONT;
  const { rows, height: below } = legendPlaces(legend, width, (text) => measuring.measureText(text).width);
  const top = title ? TITLE_HEIGHT : 0;
  const whole = element("canvas", { width: canvas.width, height: Math.round((top + height + below) * scale) });
  const pen = /** @type {CanvasRenderingContext2D} */ (whole.getContext("2d"));
  pen.fillStyle = background;
  pen.fillRect(0, 0, whole.width, whole.height);
  pen.drawImage(canvas, 0, Math.round(top * scale));
  pen.scale(scale, scale);
  pen.fillStyle = foreground;
  pen.font = `600 ${FONT}`;
  pen.fillText(title, 12, 23, width - 24);
  pen.font = FONT;
  for (const { x, y, name, color } of rows) {
    pen.fillStyle = color;
    pen.beginPath();
    pen.arc(x + 5.5, top + height + y - 4, 5.5, 0, 2 * Math.PI);
    pen.fill();
    pen.fillStyle = foreground;
    pen.fillText(name, x + 17, top + height + y + 1);
  }
  return whole;
}

/** @param {HTMLCanvasElement} canvas @returns {Promise<Blob>} */
export function blobOf(canvas) {
  const failed = new PageError("internal", "The picture could not be made.", "Try a smaller one.");
  return new Promise((resolve, reject) => canvas.toBlob((blob) => (blob ? resolve(blob) : reject(failed)), "image/png"));
}
