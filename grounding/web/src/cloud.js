/**
 * A cloud of points in three dimensions, drawn on demand.
 *
 *   const cloud = createCloud(canvas, {onCamera, onLost, onRestored, onDraw, onRest, onFlat});
 *                                            throws PageError "no-webgl"
 *   cloud.setPoints(positions, glyphs, texts)   Float32Array (N, 3); which of the texts (N), by default
 *                                            of the ten digits, stands for a point in place of a dot;
 *                                            fits the camera the first time, unless it was set before
 *   cloud.setColors(colors)                  Uint8Array (N, 3)
 *   cloud.setTrails(places)                  where points go, one Float32Array (N, 3) after the other;
 *                                            the first is where they are at the beginning
 *   cloud.setFlow(place)                     0 to places.length - 1: all points move there, also for screen()
 *   cloud.setDimmed(isDimmed | null)         (index) => boolean: these step back
 *   cloud.setNames([{row, text, fill, ink}]) names at points, most important first, below all marks
 *   cloud.setPictures(thumbnails)            assets.js's, all loaded: they take the place of dots that come near
 *   cloud.setStyle({size, glyphs, names, pictures, density, theme})  pixels (fewer in a crowd); texts for dots;
 *                                            whether names and pictures are shown; points let others through
 *                                            ("auto": of many); "light" | "dark"
 *   cloud.setMarkers([{position, color, size, shape}])  shape "ring" | "disc" | "cross" | "halo"; drawn on top
 *   cloud.setLines([{positions, colors, width, dashed, pairs}])  polylines (n, 3), or pairs of ends;
 *                                            colours (n, 3) bytes
 *   cloud.camera / cloud.setCamera(camera)   camera.js's Camera
 *   cloud.fitted(only)                       -> Camera that shows all or those points, where they are now
 *   cloud.turned(camera)                     shows it without a word: it is not the reader's
 *   cloud.setDimensions("auto" | "2d" | "3d")  2d: a plane, and nothing is nearer than anything else;
 *                                            auto: if the points lie in a plane; onFlat(isFlat) tells
 *   cloud.isFlat, cloud.setFlatness(share)   0 to 1, on the way from one to the other
 *   cloud.level()                            -> Camera that looks along the axis of least variance
 *   cloud.place(row)                         -> [x, y, z], where it is now
 *   cloud.hasAny(only), cloud.isAnySeen(only)   whether there is one of these points, and on the stage
 *   cloud.resetCamera()                      as before the reader moved it: it then follows the size
 *                                            of the stage; onCamera(null) says so
 *   cloud.screen()                           picking.js's Screen of what is drawn now, cached; made
 *                                            ahead whenever the camera comes to rest, which onRest() tells
 *   cloud.png()                              -> Promise<Blob> of the stage
 *   cloud.picture(scale)                     -> canvas of the stage, `scale` pixels for each of CSS
 *   cloud.paintInto(pen)                     draws anew, and there, filling its canvas
 *   cloud.overlay(scale)                     -> data URL of markers and lines alone
 *   cloud.seen()                             what of the points can be seen, see take/svg.js's dotsOf
 *   cloud.draw()                             at once; everything else waits for the next frame
 *   cloud.markSoon()                         markers and lines at once, unless they were in this frame
 *   cloud.frames                             times the points were drawn so far
 *   cloud.dispose()
 *
 * All points are one draw call. Markers and lines lie on a canvas of their own in front (scene/marks.js):
 * when only they change, the points stay as they are. The canvas fills its CSS box.
 */

import { Color, PerspectiveCamera, Scene, Vector3, WebGLRenderer } from "./scene/three.js";

import { bounds, fit, FAR, FIELD_OF_VIEW, NEAR, eye, flattest, isPlane, viewProjection } from "./camera.js";
import { background } from "./colors.js";
import { placesAt } from "./dynamics.js";
import { PageError } from "./errors.js";
import { projectPoints } from "./picking.js";
import { atRest } from "./scheduling.js";
import { openContext, stageSize } from "./scene/context.js";
import { marksLayer } from "./scene/marks.js";
import { namesLayer } from "./scene/names.js";
import { pointCloud } from "./scene/points.js";
import { element } from "./ui/element.js";

/** @typedef {import("./camera.js").Camera} Camera */
/** @typedef {import("./colors.js").Theme} Theme */
/** @typedef {import("./colors.js").Rgb} Rgb */
/** @typedef {import("./scene/marks.js").Marker} Marker */
/** @typedef {import("./scene/marks.js").Line} Line */

const REST_MS = 60;
/** Of so many points, none hides the others: each is as opaque as this, fewer more, more less. */
export const MANY = 20_000;
const DENSEST = 0.45;

/**
 * @param {HTMLCanvasElement} canvas
 * @param {{onCamera?: (camera: Camera | null) => void, onLost?: (error: PageError) => void,
 *   onRestored?: () => void, onDraw?: () => void, onRest?: () => void, onFlat?: (isFlat: boolean) => void}} [listeners]
 */
export function createCloud(canvas, { onCamera, onLost, onRestored, onDraw, onRest, onFlat } = {}) {
  const renderer = startRenderer(canvas);
  const scene = new Scene();
  const lens = new PerspectiveCamera((FIELD_OF_VIEW * 180) / Math.PI);
  const shared = {
    pixelRatio: { value: 1 },
    reference: { value: 1 },
    backdrop: { value: new Vector3() },
  };
  const cloud = pointCloud(shared);
  const marks = marksLayer(canvas);
  const layer = namesLayer(canvas);
  scene.add(cloud.object);

  /** @type {Camera} */
  let camera = fit([], 1);
  let isOwnCamera = false;
  let hasPoints = false;
  const rest = atRest(() => {
    self.screen();
    onRest?.();
  }, REST_MS);
  /** @type {"auto" | "2d" | "3d"} */
  let dimensions = "auto";
  let isFlat = false;
  /** @type {import("./picking.js").Screen | null} */
  let screen = null;
  let [width, height] = [1, 1];
  let ratio = 1;
  let scheduled = 0;
  let marksScheduled = 0;
  let frames = 0;
  let areMarksDrawn = false;
  /** @type {Theme} */
  let theme = "light";
  const backdrop = new Color();
  /** @type {Float32Array} */
  let positions = new Float32Array();
  /** @type {Uint8Array} */
  let tints = new Uint8Array();
  /** @type {((index: number) => boolean) | null} */
  let dimmed = null;
  /** @type {readonly Float32Array[]} */
  let trails = [];
  /** @type {readonly {row: number, text: string, fill: Rgb, ink: Rgb}[]} */
  let names = [];
  let areNamesShown = true;
  /** @type {"auto" | "on" | "off"} */
  let density = "auto";
  function drawNames(scale = ratio) {
    const shown = areNamesShown && !cloud.uniforms.glyphs.value ? names : [];
    layer.paint(shown.map((name) => ({ ...name, place: self.place(name.row) })), self.view(), { ratio: scale, backdrop: background(theme) });
  }

  function draw() {
    cancelAnimationFrame(scheduled);
    scheduled = 0;
    drawMarks();
    drawNames();
    if (renderer.getContext().isContextLost()) return;
    renderer.render(scene, lens);
    frames++;
  }
  function drawMarks() {
    cancelAnimationFrame(marksScheduled);
    marksScheduled = 0;
    marks.paint(self.view(), { ratio, backdrop: background(theme) });
    onDraw?.();
  }
  function request() {
    if (!scheduled) scheduled = requestAnimationFrame(draw);
  }
  function requestMarks() {
    if (!scheduled && !marksScheduled) marksScheduled = requestAnimationFrame(drawMarks);
  }
  function markSoon() {
    if (areMarksDrawn) return requestMarks();
    drawMarks();
    areMarksDrawn = true;
    requestAnimationFrame(() => (areMarksDrawn = false));
  }
  /** What of the points hangs on how near they are. */
  function look() {
    const count = self.count || 1;
    const isThrough = density === "on" || (density === "auto" && count >= MANY);
    // As near as the whole cloud is seen from; nearer, fewer points are in view.
    const whole = cloud.uniforms.radius.value / Math.sin(FIELD_OF_VIEW / 2);
    const alone = Math.max(1, whole / camera.distance);
    cloud.setOpacity(isThrough ? Math.min(1, DENSEST * Math.sqrt(MANY / Math.max(MANY / 2, count)) * alone) : 1);
    cloud.near(height / (2 * Math.tan(FIELD_OF_VIEW / 2)), camera.distance);
  }
  function aim() {
    screen = null;
    look();
    shared.reference.value = camera.distance;
    lens.aspect = width / height;
    lens.near = camera.distance * NEAR;
    lens.far = camera.distance * FAR;
    lens.position.set(...eye(camera));
    lens.lookAt(...camera.target);
    lens.updateProjectionMatrix();
    request();
    rest.changed();
  }
  const matrix = () => viewProjection(camera, width / height, cloud.uniforms.flatness.value);
  const placesNow = () => (cloud.uniforms.flow.value ? placesAt(trails, cloud.uniforms.flow.value) : positions);
  /** As far as it is not on the way already. */
  function flatten() {
    const before = isFlat;
    isFlat = dimensions === "2d" || (dimensions === "auto" && isPlane(positions));
    if (isFlat === before) return;
    cloud.uniforms.flatness.value = isFlat ? 1 : 0;
    screen = null;
    request();
    onFlat?.(isFlat);
  }
  function fitQuietly() {
    camera = fit(positions, width / height, isFlat ? { from: self.level() } : {});
    aim();
  }
  function resize() {
    const size = stageSize(canvas);
    [width, height] = [size.width, size.height];
    ratio = shared.pixelRatio.value = size.ratio;
    renderer.setPixelRatio(ratio);
    renderer.setSize(width, height, false);
    if (isOwnCamera) aim();
    else fitQuietly();
    // Setting the size clears the canvas: paint in the same frame.
    draw();
  }
  const observer = new ResizeObserver(() => {
    if (canvas.clientWidth !== width || canvas.clientHeight !== height) resize();
  });
  /** The page moves to another screen, or is zoomed: its box may stay the same. */
  function followRatio() {
    const media = matchMedia(`(resolution: ${devicePixelRatio}dppx)`);
    const changed = () => {
      resize();
      followRatio();
    };
    media.addEventListener("change", changed, { once: true, signal: stop.signal });
  }
  const stop = new AbortController();
  const lost = (/** @type {Event} */ event) => {
    event.preventDefault();
    const message = "The browser took the graphics away from this page.";
    onLost?.(new PageError("context-lost", message, "Reload the page if it does not come back."));
  };
  canvas.addEventListener("webglcontextlost", lost);
  const restored = () => {
    // The renderer starts anew and forgets its background.
    renderer.setClearColor(backdrop, 1);
    request();
    onRestored?.();
  };
  canvas.addEventListener("webglcontextrestored", restored);

  const self = {
    get camera() {
      return camera;
    },
    get frames() {
      return frames;
    },
    get count() {
      return positions.length / 3;
    },
    /** @param {Float32Array} places @param {ArrayLike<number>} glyphs @param {readonly string[]} [texts] */
    setPoints(places, glyphs, texts) {
      positions = places;
      cloud.setPoints(places, glyphs, texts);
      cloud.uniforms.radius.value = Math.max(1e-6, bounds(places)?.radius ?? 1);
      flatten();
      if (!isOwnCamera && !hasPoints) fitQuietly();
      hasPoints = true;
      aim();
    },
    /** @param {readonly Float32Array[]} places */
    setTrails(places) {
      trails = places;
      cloud.setTrails(places.slice(1));
      request();
    },
    /** @param {number} place */
    setFlow(place) {
      if (cloud.uniforms.flow.value === place) return;
      cloud.uniforms.flow.value = place;
      screen = null;
      request();
      rest.changed();
    },
    /** @param {Uint8Array} colors */
    setColors(colors) {
      tints = colors;
      cloud.setColors(colors);
      request();
    },
    /** @param {((index: number) => boolean) | null} isDimmed */
    setDimmed(isDimmed) {
      dimmed = isDimmed;
      cloud.setDimmed(isDimmed);
      request();
      rest.changed();
    },
    /** @param {readonly {row: number, text: string, fill: Rgb, ink: Rgb}[]} list */
    setNames(list) {
      names = list.filter(({ row }) => row >= 0);
      request();
    },
    /** @param {import("./assets.js").Thumbnails} thumbnails */
    setPictures(thumbnails) {
      cloud.setPictures(thumbnails);
      look();
      request();
    },
    /**
     * @param {{size?: number, glyphs?: boolean, names?: boolean, pictures?: boolean, density?: "auto" | "on" | "off",
     *   theme?: Theme}} style
     */
    setStyle({ size, glyphs, names: areNames, pictures, density: through, theme: next }) {
      if (areNames !== undefined) areNamesShown = areNames;
      if (pictures !== undefined) cloud.showPictures(pictures);
      if (through !== undefined) density = through;
      look();
      if (next) {
        theme = next;
        const [r, g, b] = background(theme);
        shared.backdrop.value.set(r / 255, g / 255, b / 255);
        renderer.setClearColor(backdrop.setRGB(r / 255, g / 255, b / 255, "srgb"), 1);
      }
      if (size !== undefined) cloud.uniforms.size.value = size;
      if (glyphs !== undefined) cloud.setGlyphs(glyphs);
      request();
    },
    /** @param {readonly Marker[]} list */
    setMarkers(list) {
      marks.setMarkers(list);
      requestMarks();
    },
    /** @param {readonly Line[]} list */
    setLines(list) {
      marks.setLines(list);
      requestMarks();
    },
    /** @param {Camera} next */
    setCamera(next) {
      camera = next;
      isOwnCamera = true;
      aim();
      onCamera?.(camera);
    },
    /** @param {(index: number) => boolean} [only] all of them where it names none */
    fitted(only) {
      const places = placesNow();
      const some = only && bounds(places, only) ? only : undefined;
      return fit(places, width / height, { from: camera, only: some });
    },
    /** @param {Camera} next */
    turned(next) {
      camera = next;
      aim();
    },
    get isFlat() {
      return isFlat;
    },
    /** @param {"auto" | "2d" | "3d"} next */
    setDimensions(next) {
      if (next === dimensions) return;
      dimensions = next;
      flatten();
      if (!isOwnCamera) fitQuietly();
    },
    /** @param {number} share */
    setFlatness(share) {
      cloud.uniforms.flatness.value = share;
      aim();
    },
    level() {
      return { ...camera, ...flattest(positions) };
    },
    /** @param {number} row @returns {[number, number, number]} */
    place(row) {
      const flow = cloud.uniforms.flow.value;
      const at = Math.min(trails.length - 2, Math.floor(flow));
      const [from, to] = flow ? [trails[at], trails[at + 1]] : [positions, positions];
      const [x, y, z] = [0, 1, 2].map((axis) => from[3 * row + axis] + (flow ? flow - at : 0) * (to[3 * row + axis] - from[3 * row + axis]));
      return [x, y, z];
    },
    /** @param {(index: number) => boolean} only */
    hasAny(only) {
      for (let i = 0; i < self.count; i++) if (only(i)) return true;
      return false;
    },
    /** @param {(index: number) => boolean} [only] */
    isAnySeen(only) {
      const { x, y, members } = self.screen();
      return members.some((i) => x[i] >= 0 && y[i] >= 0 && x[i] <= width && y[i] <= height && (!only || only(i)));
    },
    resetCamera() {
      isOwnCamera = false;
      fitQuietly();
      onCamera?.(null);
    },
    screen() {
      screen ??= projectPoints(placesNow(), matrix(), width, height);
      return screen;
    },
    /** @returns {{matrix: Float64Array, width: number, height: number}} for camera.js's project() */
    view() {
      return { matrix: matrix(), width, height };
    },
    draw,
    markSoon,
    /** @param {number} scale */
    picture(scale) {
      ratio = shared.pixelRatio.value = scale;
      renderer.setPixelRatio(ratio);
      renderer.setSize(width, height, false);
      draw();
      const picture = joined(canvas, layer.canvas, marks.canvas);
      resize();
      return picture;
    },
    /** @param {CanvasRenderingContext2D} pen */
    paintInto(pen) {
      draw();
      for (const one of [canvas, layer.canvas, marks.canvas]) pen.drawImage(one, 0, 0, pen.canvas.width, pen.canvas.height);
    },
    /** @param {number} scale */
    overlay(scale) {
      marks.paint(self.view(), { ratio: scale, backdrop: background(theme) });
      drawNames(scale);
      const url = joined(layer.canvas, marks.canvas).toDataURL();
      drawMarks();
      drawNames();
      return url;
    },
    seen() {
      const { x, y, depth } = self.screen();
      const { size, crowding } = cloud.uniforms;
      // As the shader has it, in pixels of CSS.
      const grown = crowding.value * size.value * 1.6;
      const sizes = Float32Array.from(depth, (far) => Math.max(2, grown * Math.min(3, Math.max(0.4, camera.distance / Math.max(far, 1e-6)))));
      return { x, y, depth, sizes, colors: tints, isDimmed: (/** @type {number} */ index) => dimmed?.(index) ?? false, backdrop: background(theme), width, height };
    },
    /** @returns {Promise<Blob>} */
    png() {
      draw();
      const picture = joined(canvas, layer.canvas, marks.canvas);
      return new Promise((resolve, reject) => {
        const failed = new PageError("internal", "The picture could not be made.", "Try again.");
        picture.toBlob((blob) => (blob ? resolve(blob) : reject(failed)), "image/png");
      });
    },
    dispose() {
      cancelAnimationFrame(scheduled);
      cancelAnimationFrame(marksScheduled);
      rest.cancel();
      observer.disconnect();
      stop.abort();
      canvas.removeEventListener("webglcontextlost", lost);
      canvas.removeEventListener("webglcontextrestored", restored);
      marks.dispose();
      layer.dispose();
      cloud.dispose();
      renderer.dispose();
    },
  };
  self.setStyle({ theme: "light", size: 4 });
  resize();
  renderer.compile(cloud.object, lens, scene);
  observer.observe(canvas);
  followRatio();
  return self;
}

/** @typedef {ReturnType<typeof createCloud>} Cloud */

/**
 * Canvases of one size as one picture.
 * @param {HTMLCanvasElement} below @param {HTMLCanvasElement[]} above
 */
function joined(below, ...above) {
  const picture = element("canvas", { width: below.width, height: below.height });
  const pen = /** @type {CanvasRenderingContext2D} */ (picture.getContext("2d"));
  pen.drawImage(below, 0, 0);
  for (const canvas of above) pen.drawImage(canvas, 0, 0);
  return picture;
}

/** @param {HTMLCanvasElement} canvas */
function startRenderer(canvas) {
  const context = openContext(canvas);
  if (!context) {
    throw new PageError(
      "no-webgl",
      "This browser offers no WebGL 2, which the picture is drawn with.",
      "Switch on hardware acceleration in its settings, or use another browser.",
    );
  }
  const renderer = new WebGLRenderer({ canvas, context, antialias: false });
  // Asking whether a shader compiled waits until it has.
  renderer.debug.checkShaderErrors = false;
  return renderer;
}
