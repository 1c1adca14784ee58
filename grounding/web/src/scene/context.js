/**
 * The graphics context of a canvas.
 *
 *   openContext(canvas) -> WebGL2RenderingContext, or null without WebGL 2; the same each time
 *   stageSize(canvas)   -> {width, height, ratio}: CSS pixels, and pixels drawn for each of them
 *
 * The page waits for the browser's graphics process whenever it opens a context, changes its size or
 * switches on an extension. So pages open it while three.js comes in, it has its size from the start,
 * and three.js, which would switch on half a dozen extensions that nothing here draws with, is told
 * that there are none.
 */

const MAX_PIXEL_RATIO = 2;

/** Lets a page take the graphics away from itself; costs nothing until it does. */
const KEPT = "WEBGL_lose_context";

/** @param {HTMLCanvasElement} canvas */
export function openContext(canvas) {
  const { width, height, ratio } = stageSize(canvas);
  canvas.width = Math.floor(width * ratio);
  canvas.height = Math.floor(height * ratio);
  const context = canvas.getContext("webgl2", { antialias: false, alpha: false, depth: true });
  if (context && !Object.hasOwn(context, "getExtension")) {
    const extension = context.getExtension.bind(context);
    const getExtension = (/** @type {string} */ name) => (name === KEPT ? extension(name) : null);
    Object.assign(context, { getExtension });
  }
  return context;
}

/** @param {HTMLCanvasElement} canvas */
export function stageSize(canvas) {
  return {
    width: Math.max(1, canvas.clientWidth),
    height: Math.max(1, canvas.clientHeight),
    ratio: Math.min(MAX_PIXEL_RATIO, devicePixelRatio || 1),
  };
}
