/**
 * Polylines as quads that keep their width on the screen.
 *
 *   const lines = ribbons(shared);   lines.object, lines.set(list), lines.dispose()
 *
 * Meshes, buffers and materials are kept and written again: making a material means compiling a
 * shader, and lines follow a slider.
 */

import { BufferAttribute, BufferGeometry, DoubleSide, Group, Mesh, ShaderMaterial } from "./three.js";

import { LINE_FRAGMENT, LINE_VERTEX } from "./shaders.js";

/** @typedef {import("./points.js").Uniforms} Uniforms */

/**
 * @typedef {object} Line
 * @property {Float32Array} positions (n, 3)
 * @property {Uint8Array} colors (n, 3)
 * @property {number} width pixels
 * @property {boolean} [dashed]
 * @property {boolean} [pairs] each two points are a segment of their own
 */

const QUAD = [0, 1, 2, 2, 1, 3];

/** @param {number} room segments */
function quadsGeometry(room) {
  const geometry = new BufferGeometry();
  const corners = new Float32Array(8 * room);
  const order = new Uint32Array(6 * room);
  for (let i = 0; i < room; i++) {
    corners.set([0, -1, 0, 1, 1, -1, 1, 1], 8 * i);
    for (let k = 0; k < 6; k++) order[6 * i + k] = 4 * i + QUAD[k];
  }
  geometry.setAttribute("position", new BufferAttribute(new Float32Array(12 * room), 3));
  geometry.setAttribute("end", new BufferAttribute(new Float32Array(12 * room), 3));
  geometry.setAttribute("corner", new BufferAttribute(corners, 2));
  geometry.setAttribute("tint", new BufferAttribute(new Uint8Array(12 * room), 3, true));
  geometry.setIndex(new BufferAttribute(order, 1));
  return geometry;
}

/** @param {Uniforms} shared */
function ribbon(shared) {
  let room = 16;
  const uniforms = { ...shared, width: { value: 1 }, dashed: { value: 0 } };
  const material = new ShaderMaterial({
    uniforms,
    vertexShader: LINE_VERTEX,
    fragmentShader: LINE_FRAGMENT,
    side: DoubleSide,
    transparent: true,
    depthTest: false,
    depthWrite: false,
  });
  const object = new Mesh(quadsGeometry(room), material);
  object.frustumCulled = false;
  return {
    object,
    /** @param {Line} line */
    set({ positions, colors, width, dashed = false, pairs = false }) {
      const stride = pairs ? 2 : 1;
      const segments = Math.max(0, Math.floor((positions.length / 3 - 2) / stride) + 1);
      if (segments > room) {
        room = 2 * segments;
        object.geometry.dispose();
        object.geometry = quadsGeometry(room);
      }
      const { position, end, tint } = object.geometry.attributes;
      for (let i = 0; i < segments; i++) {
        const from = 3 * stride * i;
        for (let corner = 0; corner < 4; corner++) {
          const at = 12 * i + 3 * corner;
          for (let axis = 0; axis < 3; axis++) {
            position.array[at + axis] = positions[from + axis];
            end.array[at + axis] = positions[from + 3 + axis];
            tint.array[at + axis] = colors[from + 3 * (corner >> 1) + axis];
          }
        }
      }
      for (const attribute of [position, end, tint]) attribute.needsUpdate = true;
      object.geometry.setDrawRange(0, 6 * segments);
      object.visible = segments > 0;
      uniforms.width.value = width;
      uniforms.dashed.value = dashed ? 1 : 0;
    },
    dispose() {
      object.geometry.dispose();
      material.dispose();
    },
  };
}

/** @param {Uniforms} shared */
export function ribbons(shared) {
  const object = new Group();
  /** @type {ReturnType<typeof ribbon>[]} */
  const pool = [];
  return {
    object,
    /** @param {readonly Line[]} list drawn in this order */
    set(list) {
      while (pool.length < list.length) {
        const made = ribbon(shared);
        made.object.renderOrder = 1 + pool.length / 100;
        pool.push(made);
        object.add(made.object);
      }
      pool.forEach((one, i) => {
        if (i < list.length) one.set(list[i]);
        else one.object.visible = false;
      });
    },
    dispose() {
      for (const one of pool) one.dispose();
    },
  };
}
