/**
 * The graphics context of a canvas.
 *
 *   openContext(canvas) -> WebGL2RenderingContext, or null without WebGL 2; the same each time
 *
 * Opening one waits for the browser's graphics process: pages do it while three.js comes in.
 */

/** @param {HTMLCanvasElement} canvas */
export function openContext(canvas) {
  return canvas.getContext("webgl2", { antialias: false, alpha: false, depth: true });
}
