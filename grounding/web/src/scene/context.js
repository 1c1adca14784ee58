/**
 * The graphics context of a canvas.
 *
 *   openContext(canvas) -> WebGL2RenderingContext, or null without WebGL 2; the same each time
 *   stageSize(canvas)   -> {width, height, ratio}: CSS pixels, and pixels drawn for each of them
 *
 * The page waits for the browser's graphics process whenever it opens a context, changes its size,
 * switches on an extension or asks what only that process knows. So pages open it while three.js comes
 * in, it has its size from the start, and three.js, which would switch on half a dozen extensions that
 * nothing here draws with, is told that there are none. It also asks for three values that are known
 * here; the answer would come once everything before it is drawn, the page itself among it.
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
    const parameter = context.getParameter.bind(context);
    Object.assign(context, {
      getExtension: (/** @type {string} */ name) => (name === KEPT ? extension(name) : null),
      getParameter(/** @type {number} */ name) {
        if (name === context.SAMPLES) return 0;
        if (name === context.VERSION) return "WebGL 2.0";
        // As it is until somebody sets it: three.js asks when it starts.
        if (name === context.SCISSOR_BOX) return Int32Array.of(0, 0, canvas.width, canvas.height);
        return parameter(name);
      },
    });
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
