/**
 * A few marks of fixed size on the screen, drawn on top of everything, in one draw call.
 *
 *   const markers = markerCloud(shared);   markers.object, markers.set(list), markers.dispose()
 */

import { BufferAttribute, BufferGeometry, Points, ShaderMaterial } from "three";

import { MARKER_FRAGMENT, MARKER_VERTEX } from "./shaders.js";

/** @typedef {import("./points.js").Uniforms} Uniforms */
/** @typedef {{position: readonly number[], color: readonly number[], size: number, shape: "ring" | "disc" | "cross"}} Marker */

const SHAPES = { ring: 0, disc: 1, cross: 2 };

/** @param {Uniforms} shared */
export function markerCloud(shared) {
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
