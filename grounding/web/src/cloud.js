/**
 * A cloud of points in three dimensions, drawn on demand.
 *
 *   const cloud = createCloud(canvas, {onCamera, onLost, onDraw});  throws PageError "no-webgl"
 *   cloud.setPoints(positions, labels)       Float32Array (N, 3), Int32Array (N); fits the camera
 *                                            the first time
 *   cloud.setColors(colors)                  Uint8Array (N, 3)
 *   cloud.setDimmed(isDimmed | null)         (index) => boolean: these step back
 *   cloud.setStyle({size, glyphs, theme})    pixels; digits for dots; "light" | "dark"
 *   cloud.setMarkers([{position, color, size, shape}])  shape "ring" | "disc" | "cross"; drawn on top
 *   cloud.setLines([{positions, colors, width, dashed}])  polylines (n, 3), colours (n, 3) bytes
 *   cloud.camera / cloud.setCamera(camera)   camera.js's Camera; fit(only) shows all or those points
 *   cloud.screen()                           picking.js's Screen of what is drawn now, cached
 *   cloud.png()                              -> Promise<Blob> of the stage
 *   cloud.draw()                             at once; everything else waits for the next frame
 *   cloud.frames                             frames drawn so far
 *   cloud.dispose()
 *
 * All points are one draw call, markers another, each line one. The canvas fills its CSS box.
 */

import {
  BufferAttribute,
  BufferGeometry,
  CanvasTexture,
  Color,
  DoubleSide,
  Mesh,
  PerspectiveCamera,
  Points,
  Scene,
  ShaderMaterial,
  Vector2,
  Vector3,
  WebGLRenderer,
} from "three";

import { fit, FAR, FIELD_OF_VIEW, NEAR, eye, viewProjection } from "./camera.js";
import { background, glyphOf } from "./colors.js";
import { PageError } from "./errors.js";
import { projectPoints } from "./picking.js";
import { LINE_FRAGMENT, LINE_VERTEX, MARKER_FRAGMENT, MARKER_VERTEX, POINT_FRAGMENT, POINT_VERTEX } from "./shaders.js";

/** @typedef {import("./camera.js").Camera} Camera */
/** @typedef {import("./colors.js").Theme} Theme */
/** @typedef {{position: readonly number[], color: readonly number[], size: number, shape: "ring" | "disc" | "cross"}} Marker */
/** @typedef {{positions: Float32Array, colors: Uint8Array, width: number, dashed?: boolean}} Line */

const SHAPES = { ring: 0, disc: 1, cross: 2 };
const MAX_PIXEL_RATIO = 2;

/**
 * @param {HTMLCanvasElement} canvas
 * @param {{onCamera?: (camera: Camera) => void, onLost?: (error: PageError) => void,
 *   onDraw?: () => void}} [listeners]
 */
export function createCloud(canvas, { onCamera, onLost, onDraw } = {}) {
  const renderer = startRenderer(canvas);
  const scene = new Scene();
  const lens = new PerspectiveCamera((FIELD_OF_VIEW * 180) / Math.PI);
  const shared = {
    pixelRatio: { value: 1 },
    resolution: { value: new Vector2(1, 1) },
    reference: { value: 1 },
    backdrop: { value: new Vector3() },
  };
  const cloud = pointCloud(shared);
  const markers = markerCloud(shared);
  scene.add(cloud.object, markers.object);

  /** @type {Mesh<BufferGeometry, ShaderMaterial>[]} */
  let lines = [];
  /** @type {Camera} */
  let camera = fit([], 1);
  let hasFitted = false;
  /** @type {import("./picking.js").Screen | null} */
  let screen = null;
  let [width, height] = [1, 1];
  let scheduled = 0;
  let frames = 0;
  /** @type {Float32Array} */
  let positions = new Float32Array();

  function draw() {
    cancelAnimationFrame(scheduled);
    scheduled = 0;
    if (renderer.getContext().isContextLost()) return;
    renderer.render(scene, lens);
    frames++;
    onDraw?.();
  }
  function request() {
    if (!scheduled) scheduled = requestAnimationFrame(draw);
  }
  function aim() {
    screen = null;
    shared.reference.value = camera.distance;
    lens.aspect = width / height;
    lens.near = camera.distance * NEAR;
    lens.far = camera.distance * FAR;
    lens.position.set(...eye(camera));
    lens.lookAt(...camera.target);
    lens.updateProjectionMatrix();
    request();
  }
  function resize() {
    width = Math.max(1, canvas.clientWidth);
    height = Math.max(1, canvas.clientHeight);
    const ratio = Math.min(MAX_PIXEL_RATIO, devicePixelRatio || 1);
    shared.pixelRatio.value = ratio;
    shared.resolution.value.set(width * ratio, height * ratio);
    renderer.setPixelRatio(ratio);
    renderer.setSize(width, height, false);
    aim();
    // Setting the size clears the canvas: paint in the same frame.
    draw();
  }
  const observer = new ResizeObserver(() => {
    if (canvas.clientWidth !== width || canvas.clientHeight !== height) resize();
  });
  const lost = (/** @type {Event} */ event) => {
    event.preventDefault();
    const message = "The browser took the graphics away from this page.";
    onLost?.(new PageError("context-lost", message, "Reload the page if it does not come back."));
  };
  canvas.addEventListener("webglcontextlost", lost);
  canvas.addEventListener("webglcontextrestored", request);

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
    /** @param {Float32Array} places @param {ArrayLike<number>} labels */
    setPoints(places, labels) {
      positions = places;
      cloud.setPoints(places, labels);
      if (!hasFitted) self.fit();
      hasFitted = true;
      aim();
    },
    /** @param {Uint8Array} colors */
    setColors(colors) {
      cloud.setColors(colors);
      request();
    },
    /** @param {((index: number) => boolean) | null} isDimmed */
    setDimmed(isDimmed) {
      cloud.setDimmed(isDimmed);
      request();
    },
    /** @param {{size?: number, glyphs?: boolean, theme?: Theme}} style */
    setStyle({ size, glyphs, theme }) {
      if (theme) {
        const [r, g, b] = background(theme);
        shared.backdrop.value.set(r / 255, g / 255, b / 255);
        renderer.setClearColor(new Color().setRGB(r / 255, g / 255, b / 255, "srgb"), 1);
      }
      if (size !== undefined) cloud.uniforms.size.value = size;
      if (glyphs !== undefined) cloud.setGlyphs(glyphs);
      request();
    },
    /** @param {readonly Marker[]} list */
    setMarkers(list) {
      markers.set(list);
      request();
    },
    /** @param {readonly Line[]} list */
    setLines(list) {
      for (const line of lines) {
        scene.remove(line);
        line.geometry.dispose();
        line.material.dispose();
      }
      lines = list.filter((line) => line.positions.length >= 6).map((line) => ribbon(line, shared));
      if (lines.length) scene.add(...lines);
      request();
    },
    /** @param {Camera} next */
    setCamera(next) {
      camera = next;
      hasFitted = true;
      aim();
      onCamera?.(camera);
    },
    /** @param {(index: number) => boolean} [only] */
    fit(only) {
      self.setCamera(fit(positions, width / height, { from: camera, only }));
    },
    screen() {
      screen ??= projectPoints(positions, viewProjection(camera, width / height), width, height);
      return screen;
    },
    /** @returns {{matrix: Float64Array, width: number, height: number}} for camera.js's project() */
    view() {
      return { matrix: viewProjection(camera, width / height), width, height };
    },
    draw,
    /** @returns {Promise<Blob>} */
    png() {
      draw();
      return new Promise((resolve, reject) => {
        const failed = new PageError("internal", "The picture could not be made.", "Try again.");
        canvas.toBlob((blob) => (blob ? resolve(blob) : reject(failed)), "image/png");
      });
    },
    dispose() {
      cancelAnimationFrame(scheduled);
      observer.disconnect();
      canvas.removeEventListener("webglcontextlost", lost);
      canvas.removeEventListener("webglcontextrestored", request);
      self.setLines([]);
      cloud.dispose();
      markers.dispose();
      renderer.dispose();
    },
  };
  self.setStyle({ theme: "light", size: 4 });
  resize();
  observer.observe(canvas);
  return self;
}

/** @typedef {ReturnType<typeof createCloud>} Cloud */

/** @param {HTMLCanvasElement} canvas */
function startRenderer(canvas) {
  const context = canvas.getContext("webgl2", { antialias: false, alpha: false, depth: true });
  if (!context) {
    throw new PageError(
      "no-webgl",
      "This browser offers no WebGL 2, which the picture is drawn with.",
      "Switch on hardware acceleration in its settings, or use another browser.",
    );
  }
  return new WebGLRenderer({ canvas, context, antialias: false });
}

/** @typedef {Record<string, {value: any}>} Uniforms */

/** @param {Uniforms} shared */
function pointCloud(shared) {
  const uniforms = {
    ...shared,
    size: { value: 4 },
    glyphs: { value: 0 },
    atlas: { value: /** @type {CanvasTexture | null} */ (null) },
  };
  const material = new ShaderMaterial({
    uniforms,
    vertexShader: POINT_VERTEX,
    fragmentShader: POINT_FRAGMENT,
    transparent: true,
  });
  const object = new Points(new BufferGeometry(), material);
  object.frustumCulled = false;

  /** @param {string} name @param {BufferAttribute} attribute */
  const put = (name, attribute) => object.geometry.setAttribute(name, attribute);
  return {
    object,
    uniforms,
    /** @param {Float32Array} positions @param {ArrayLike<number>} labels */
    setPoints(positions, labels) {
      object.geometry.dispose();
      object.geometry = new BufferGeometry();
      const count = positions.length / 3;
      put("position", new BufferAttribute(positions, 3));
      put("tint", new BufferAttribute(new Uint8Array(3 * count).fill(128), 3, true));
      put("dimmed", new BufferAttribute(new Uint8Array(count), 1));
      put("glyph", new BufferAttribute(Uint8Array.from(labels, glyphOf), 1));
    },
    /** @param {Uint8Array} colors */
    setColors(colors) {
      put("tint", new BufferAttribute(colors, 3, true));
    },
    /** @param {((index: number) => boolean) | null} isDimmed */
    setDimmed(isDimmed) {
      const count = object.geometry.getAttribute("position")?.count ?? 0;
      const flags = new Uint8Array(count);
      if (isDimmed) for (let i = 0; i < count; i++) flags[i] = isDimmed(i) ? 1 : 0;
      put("dimmed", new BufferAttribute(flags, 1));
    },
    /** @param {boolean} shown */
    setGlyphs(shown) {
      if (shown) uniforms.atlas.value ??= glyphAtlas();
      uniforms.glyphs.value = shown ? 1 : 0;
    },
    dispose() {
      object.geometry.dispose();
      material.dispose();
      uniforms.atlas.value?.dispose();
    },
  };
}

/** The ten digits side by side, white on transparent. */
function glyphAtlas() {
  const side = 64;
  const canvas = document.createElement("canvas");
  canvas.width = 10 * side;
  canvas.height = side;
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  pen.font = `bold ${side}px system-ui, sans-serif`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillStyle = "white";
  for (let digit = 0; digit < 10; digit++) {
    pen.fillText(String(digit), (digit + 0.5) * side, side * 0.54);
  }
  return new CanvasTexture(canvas);
}

/** @param {Uniforms} shared */
function markerCloud(shared) {
  const material = new ShaderMaterial({
    uniforms: { ...shared },
    vertexShader: MARKER_VERTEX,
    fragmentShader: MARKER_FRAGMENT,
    transparent: true,
    depthTest: false,
    depthWrite: false,
  });
  const object = new Points(new BufferGeometry(), material);
  object.frustumCulled = false;
  object.visible = false;
  object.renderOrder = 2;
  return {
    object,
    /** @param {readonly Marker[]} list */
    set(list) {
      object.visible = list.length > 0;
      object.geometry.dispose();
      const geometry = new BufferGeometry();
      const places = Float32Array.from(list.flatMap(({ position }) => [...position]));
      const tints = Uint8Array.from(list.flatMap(({ color }) => [...color]));
      const forms = Float32Array.from(list.flatMap(({ size, shape }) => [size, SHAPES[shape]]));
      geometry.setAttribute("position", new BufferAttribute(places, 3));
      geometry.setAttribute("tint", new BufferAttribute(tints, 3, true));
      geometry.setAttribute("form", new BufferAttribute(forms, 2));
      object.geometry = geometry;
    },
    dispose() {
      object.geometry.dispose();
      material.dispose();
    },
  };
}

/**
 * A polyline as quads that keep their width on the screen.
 * @param {Line} line @param {Uniforms} shared
 */
function ribbon({ positions, colors, width, dashed = false }, shared) {
  const segments = positions.length / 3 - 1;
  const [starts, ends] = [new Float32Array(12 * segments), new Float32Array(12 * segments)];
  const [corners, tints] = [new Float32Array(8 * segments), new Uint8Array(12 * segments)];
  const order = new Uint32Array(6 * segments);
  for (let i = 0; i < segments; i++) {
    for (let corner = 0; corner < 4; corner++) {
      const at = 4 * i + corner;
      const end = corner >> 1;
      starts.set(positions.subarray(3 * i, 3 * i + 3), 3 * at);
      ends.set(positions.subarray(3 * i + 3, 3 * i + 6), 3 * at);
      corners.set([end, corner & 1 ? 1 : -1], 2 * at);
      tints.set(colors.subarray(3 * (i + end), 3 * (i + end) + 3), 3 * at);
    }
    order.set([0, 1, 2, 2, 1, 3].map((corner) => 4 * i + corner), 6 * i);
  }
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", new BufferAttribute(starts, 3));
  geometry.setAttribute("end", new BufferAttribute(ends, 3));
  geometry.setAttribute("corner", new BufferAttribute(corners, 2));
  geometry.setAttribute("tint", new BufferAttribute(tints, 3, true));
  geometry.setIndex(new BufferAttribute(order, 1));
  const material = new ShaderMaterial({
    uniforms: { ...shared, width: { value: width }, dashed: { value: dashed ? 1 : 0 } },
    vertexShader: LINE_VERTEX,
    fragmentShader: LINE_FRAGMENT,
    side: DoubleSide,
    transparent: true,
    depthTest: false,
    depthWrite: false,
  });
  const object = new Mesh(geometry, material);
  object.frustumCulled = false;
  object.renderOrder = 1;
  return object;
}
