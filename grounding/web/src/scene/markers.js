/**
 * A few marks of fixed size on the screen, drawn on top of everything, in one draw call.
 *
 *   const markers = markerCloud(shared);   markers.object, markers.set(list), markers.dispose()
 *
 * The same buffers are written again and again: marks follow a slider.
 */

import { BufferAttribute, BufferGeometry, Points, ShaderMaterial } from "./three.js";

import { MARKER_FRAGMENT, MARKER_VERTEX } from "./shaders.js";

/** @typedef {import("./points.js").Uniforms} Uniforms */
/** @typedef {{position: readonly number[], color: readonly number[], size: number, shape: "ring" | "disc" | "cross"}} Marker */

const SHAPES = { ring: 0, disc: 1, cross: 2 };

/** @param {number} room marks */
function marksGeometry(room) {
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", new BufferAttribute(new Float32Array(3 * room), 3));
  geometry.setAttribute("tint", new BufferAttribute(new Uint8Array(3 * room), 3, true));
  geometry.setAttribute("form", new BufferAttribute(new Float32Array(2 * room), 2));
  return geometry;
}

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
  let room = 16;
  const object = new Points(marksGeometry(room), material);
  object.frustumCulled = false;
  object.visible = false;
  object.renderOrder = 2;
  return {
    object,
    /** @param {readonly Marker[]} list */
    set(list) {
      object.visible = list.length > 0;
      if (list.length > room) {
        room = 2 * list.length;
        object.geometry.dispose();
        object.geometry = marksGeometry(room);
      }
      const { position: places, tint, form } = object.geometry.attributes;
      list.forEach(({ position, color, size, shape }, i) => {
        places.setXYZ(i, position[0], position[1], position[2]);
        tint.array.set(color, 3 * i);
        form.setXY(i, size, SHAPES[shape]);
      });
      for (const attribute of [places, tint, form]) attribute.needsUpdate = true;
      object.geometry.setDrawRange(0, list.length);
    },
    dispose() {
      object.geometry.dispose();
      material.dispose();
    },
  };
}
