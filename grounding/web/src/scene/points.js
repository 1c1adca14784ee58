/**
 * All points of a cloud as one draw call.
 *
 *   const cloud = pointCloud(shared);   cloud.object goes into the scene; the rest as cloud.js says
 */

import { BufferAttribute, BufferGeometry, CanvasTexture, Points, ShaderMaterial } from "./three.js";

import { glyphOf } from "../colors.js";
import { POINT_FRAGMENT, POINT_VERTEX } from "./shaders.js";

/** @typedef {Record<string, {value: any}>} Uniforms shared ones: pixelRatio, reference, backdrop */

/** Above this many, points are drawn smaller, or they would hide each other. */
const UNCROWDED = 8_000;
const CROWDING_POWER = 0.3;

/** @param {Uniforms} shared */
export function pointCloud(shared) {
  const uniforms = {
    ...shared,
    size: { value: 4 },
    crowding: { value: 1 },
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
  // Drawing with a shader waits until it is compiled: not before there is something to draw.
  object.visible = false;

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
      object.visible = true;
      uniforms.crowding.value = Math.min(1, (UNCROWDED / Math.max(1, count)) ** CROWDING_POWER);
      put("position", new BufferAttribute(positions, 3));
      put("tint", new BufferAttribute(new Uint8Array(3 * count).fill(128), 3, true));
      put("dimmed", new BufferAttribute(new Uint8Array(count), 1));
      put("glyph", new BufferAttribute(glyphsOf(labels), 1));
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

/** @param {ArrayLike<number>} labels */
function glyphsOf(labels) {
  const glyphs = new Uint8Array(labels.length);
  for (let i = 0; i < labels.length; i++) glyphs[i] = glyphOf(labels[i]);
  return glyphs;
}
