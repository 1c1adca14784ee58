/**
 * A polyline as quads that keep their width on the screen.
 *
 *   ribbon({positions, colors, width, dashed}, shared) -> Mesh
 */

import { BufferAttribute, BufferGeometry, DoubleSide, Mesh, ShaderMaterial } from "three";

import { LINE_FRAGMENT, LINE_VERTEX } from "./shaders.js";

/** @typedef {import("./points.js").Uniforms} Uniforms */
/** @typedef {{positions: Float32Array, colors: Uint8Array, width: number, dashed?: boolean}} Line */

/** @param {Line} line @param {Uniforms} shared */
export function ribbon({ positions, colors, width, dashed = false }, shared) {
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
