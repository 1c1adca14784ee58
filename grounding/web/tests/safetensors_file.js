/** Safetensors files written out by hand, for the tests. */

/**
 * @param {unknown} header text, or what becomes JSON @param {ArrayBufferView[]} [arrays] one behind the other
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function safetensors(header, arrays = []) {
  const text = typeof header === "string" ? header : JSON.stringify(header);
  const padded = new TextEncoder().encode(text.padEnd(Math.ceil(text.length / 8) * 8));
  const parts = [new Uint8Array(8), padded, ...arrays.map((array) => new Uint8Array(array.buffer))];
  new DataView(parts[0].buffer).setBigUint64(0, BigInt(padded.length), true);
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let place = 0;
  for (const part of parts) {
    bytes.set(part, place);
    place += part.length;
  }
  return bytes;
}

export const META = { experiment: "e", num_points: 2, image_shape: [1, 2, 2] };
export const HEADER = {
  __metadata__: { id: "abc", meta: JSON.stringify(META) },
  points: { dtype: "F32", shape: [2, 3], data_offsets: [0, 24] },
  labels: { dtype: "I32", shape: [2], data_offsets: [24, 32] },
  thumbnails: { dtype: "U8", shape: [2, 4], data_offsets: [32, 40] },
};
export const ARRAYS = [
  Float32Array.from([1, 2, 3, 4, 5, 6.5]),
  Int32Array.from([7, 9]),
  Uint8Array.from([0, 1, 2, 3, 255, 254, 253, 252]),
];
