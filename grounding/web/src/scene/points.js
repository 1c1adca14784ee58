/**
 * All points of a cloud as one draw call.
 *
 *   const cloud = pointCloud(shared);   cloud.object goes into the scene; the rest as cloud.js says
 *
 * What is drawn in place of dots comes from an atlas, one square cell for each text.
 */

import { BufferAttribute, BufferGeometry, CanvasTexture, Points, ShaderMaterial, Vector2 } from "./three.js";

import { pictureAtlas } from "./pictures.js";
import { POINT_FRAGMENT, POINT_VERTEX } from "./shaders.js";

/** @typedef {Record<string, {value: any}>} Uniforms shared ones: pixelRatio, reference, backdrop */

/** Above this many, points are drawn smaller, or they would hide each other. */
const UNCROWDED = 8_000;
const CROWDING_POWER = 0.3;
/** Side of an atlas's cell, in pixels; smaller where many have to fit the largest texture. */
const CELL = 64;
const LARGEST = 2_048;
const MOST_TRAILS = 7;
/** Points that let others through are smaller: less of each is painted many times. */
const SEEN_THROUGH = 0.8;
/** A picture's side, of the mean way between points that lie in a sheet. */
const ROOM = 0.9;
/** In the middle of the picture; what is in front of it is larger. */
const FIRST_PIXELS = 8;
const DIGITS = Array.from("0123456789");

/** @param {Uniforms} shared */
export function pointCloud(shared) {
  const uniforms = {
    ...shared,
    size: { value: 4 },
    crowding: { value: 1 },
    glyphs: { value: 0 },
    atlas: { value: /** @type {CanvasTexture | null} */ (null) },
    cells: { value: new Vector2(1, 1) },
    flow: { value: 0 },
    flatness: { value: 0 },
    radius: { value: 1 },
    opacity: { value: 1 },
    pictures: { value: /** @type {import("./three.js").DataTexture | null} */ (null) },
    pictureGrid: { value: new Vector2(1, 1) },
    pictureShape: { value: new Vector2(1, 1) },
    isGrey: { value: 0 },
    pictureSide: { value: 0 },
    perUnit: { value: 1 },
  };
  /** @type {readonly string[]} */
  let texts = DIGITS;
  let isGlyphs = false;
  let crowding = 1;
  /** @type {import("../assets.js").Thumbnails | null} */
  let thumbnails = null;
  let arePictures = true;
  const material = new ShaderMaterial({
    defines: {},
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
  function drawTexts() {
    uniforms.glyphs.value = isGlyphs && texts.length ? 1 : 0;
    if (!uniforms.glyphs.value || uniforms.atlas.value) return;
    const columns = Math.ceil(Math.sqrt(texts.length));
    uniforms.cells.value.set(columns, Math.ceil(texts.length / columns));
    uniforms.atlas.value = glyphAtlas(texts, columns);
  }
  return {
    object,
    uniforms,
    /** @param {Float32Array} positions @param {ArrayLike<number>} glyphs which of the texts @param {readonly string[]} [names] these */
    setPoints(positions, glyphs, names = DIGITS) {
      texts = names;
      uniforms.atlas.value?.dispose();
      uniforms.atlas.value = null;
      drawTexts();
      object.geometry.dispose();
      object.geometry = new BufferGeometry();
      const count = positions.length / 3;
      object.visible = true;
      crowding = uniforms.crowding.value = Math.min(1, (UNCROWDED / Math.max(1, count)) ** CROWDING_POWER);
      put("position", new BufferAttribute(positions, 3));
      put("tint", new BufferAttribute(new Uint8Array(3 * count).fill(128), 3, true));
      put("dimmed", new BufferAttribute(new Uint8Array(count), 1));
      put("glyph", new BufferAttribute(Float32Array.from(glyphs), 1));
    },
    /** @param {readonly Float32Array[]} trails where points are one after the other, at most MOST_TRAILS */
    setTrails(trails) {
      // The last ones repeat: all that the shader reads has to be there.
      for (let i = 0; i < MOST_TRAILS; i++) put(`trail${i + 1}`, new BufferAttribute(trails[Math.min(i, trails.length - 1)], 3));
      material.defines.TRAILS = 1;
      material.needsUpdate = true;
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
    /** @param {import("../assets.js").Thumbnails} all */
    setPictures(all) {
      thumbnails = all;
    },
    /** @param {boolean} shown */
    showPictures(shown) {
      arePictures = shown;
    },
    /**
     * Pictures are as large as the cloud leaves each point room for; they are there once one can be made out.
     * @param {number} perUnit pixels of a unit at distance 1 @param {number} distance of what is looked at
     */
    near(perUnit, distance) {
      uniforms.perUnit.value = perUnit;
      const count = object.geometry.getAttribute("position")?.count ?? 0;
      const side = (ROOM * 2 * uniforms.radius.value) / Math.sqrt(Math.max(1, count));
      const isNear = thumbnails && arePictures && (perUnit * side) / distance > FIRST_PIXELS;
      if (isNear && thumbnails && !uniforms.pictures.value) {
        const { texture, columns, rows, shape } = pictureAtlas(thumbnails, count);
        uniforms.pictures.value = texture;
        uniforms.pictureGrid.value.set(columns, rows);
        uniforms.pictureShape.value.set(shape[2], shape[1]);
        uniforms.isGrey.value = shape[0] === 1 ? 1 : 0;
        material.defines.PICTURES = 1;
        material.needsUpdate = true;
      }
      uniforms.pictureSide.value = isNear ? side : 0;
    },
    /** @param {number} opacity */
    setOpacity(opacity) {
      uniforms.opacity.value = opacity;
      material.depthWrite = opacity > 0.9;
      uniforms.crowding.value = crowding * (material.depthWrite ? 1 : SEEN_THROUGH);
    },
    /** @param {boolean} shown */
    setGlyphs(shown) {
      isGlyphs = shown;
      drawTexts();
    },
    dispose() {
      object.geometry.dispose();
      material.dispose();
      uniforms.atlas.value?.dispose();
      uniforms.pictures.value?.dispose();
    },
  };
}

/** White on transparent, row by row. @param {readonly string[]} texts @param {number} columns */
function glyphAtlas(texts, columns) {
  const side = Math.min(CELL, Math.floor(LARGEST / columns));
  const canvas = document.createElement("canvas");
  canvas.width = columns * side;
  canvas.height = Math.ceil(texts.length / columns) * side;
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  pen.font = `bold ${side}px system-ui, sans-serif`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillStyle = "white";
  texts.forEach((text, i) => {
    const fits = Math.min(1, side / Math.max(1, pen.measureText(text).width));
    pen.setTransform(fits, 0, 0, fits, ((i % columns) + 0.5) * side, (Math.floor(i / columns) + 0.54) * side);
    pen.fillText(text, 0, 0);
  });
  return new CanvasTexture(canvas);
}
