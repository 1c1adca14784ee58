/**
 * A run of a linear autoencoder on made-up images of any shape, with known answers.
 *
 *   const made = await linearRun(folder, "name", {shape: [C, H, W], labels, image, latentDim, more});
 *       image(row, label, channel, y, x)   in 0 .. 255; labels: one for each reference
 *       more: further keys of both JSON files, such as class_names
 *       writes name_assets.json, name_points.json, their arrays, name_encoder.onnx, name_decoder.onnx
 *       made.search                        the playground's address for them, behind /folder/
 *   onnxModel("encoder" | "decoder", weights, [C, H, W], latentDim)   -> bytes
 *
 * The encoder multiplies by the first rows of an orthonormal matrix, the decoder by its transpose.
 */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { safetensors } from "../tests/safetensors_file.js";

/** ONNX's numbers for types (onnx.proto, TensorProto.DataType). */
const FLOAT = 1;
const INT64 = 7;

/** @param {number} value */
function varint(value) {
  const bytes = [];
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) return [...bytes, left];
    bytes.push((left % 128) | 128);
  }
}
/** @param {number} field @param {number} value */
const whole = (field, value) => [...varint(field * 8), ...varint(value)];
/** @param {number} field @param {string | ArrayLike<number>} value */
function part(field, value) {
  const bytes = typeof value === "string" ? Buffer.from(value) : value;
  return [...varint(field * 8 + 2), ...varint(bytes.length), ...Array.from(bytes)];
}

/** @param {string} name @param {number} type @param {number[]} dims @param {ArrayBufferView} values */
const tensor = (name, type, dims, { buffer, byteOffset, byteLength }) => [
  ...dims.flatMap((dim) => whole(1, dim)),
  ...whole(2, type),
  ...part(8, name),
  ...part(9, new Uint8Array(buffer, byteOffset, byteLength)),
];
/** @param {string} name @param {number[]} dims */
function valueInfo(name, dims) {
  const shape = [part(1, part(2, "batch")), ...dims.map((dim) => part(1, whole(1, dim)))].flat();
  return [...part(1, name), ...part(2, part(1, [...whole(1, FLOAT), ...part(2, shape)]))];
}
/** @param {string} operator @param {string[]} inputs @param {string} output */
const node = (operator, inputs, output) => [...inputs.flatMap((name) => part(1, name)), ...part(2, output), ...part(4, operator)];

/**
 * @param {"encoder" | "decoder"} half @param {Float32Array} weights (pixels, D), or (D, pixels) of a decoder
 * @param {readonly number[]} shape @param {number} latentDim
 */
export function onnxModel(half, weights, shape, latentDim) {
  const pixels = shape.reduce((product, side) => product * side, 1);
  const isEncoder = half === "encoder";
  const to = BigInt64Array.from(isEncoder ? [-1n, BigInt(pixels)] : [-1n, ...shape.map(BigInt)]);
  const nodes = isEncoder
    ? [node("Reshape", ["in", "to"], "flat"), node("MatMul", ["flat", "w"], "out")]
    : [node("MatMul", ["in", "w"], "flat"), node("Reshape", ["flat", "to"], "out")];
  const ends = [[latentDim], [...shape]];
  if (isEncoder) ends.reverse();
  const graph = [
    ...nodes.flatMap((one) => part(1, one)),
    ...part(2, half),
    ...part(5, tensor("w", FLOAT, isEncoder ? [pixels, latentDim] : [latentDim, pixels], weights)),
    ...part(5, tensor("to", INT64, [to.length], to)),
    ...part(11, valueInfo("in", ends[0])),
    ...part(12, valueInfo("out", ends[1])),
  ];
  return Uint8Array.from([...whole(1, 8), ...part(7, graph), ...part(8, [...part(1, ""), ...whole(2, 13)])]);
}

/** Rows of the discrete cosine transform over all pixels: orthonormal. @param {number} pixels @param {number} count */
function cosines(pixels, count) {
  const rows = new Float32Array(count * pixels);
  for (let k = 0; k < count; k++) {
    const scale = Math.sqrt((k ? 2 : 1) / pixels);
    for (let i = 0; i < pixels; i++) rows[k * pixels + i] = scale * Math.cos((Math.PI * (i + 0.5) * k) / pixels);
  }
  return rows;
}

/** @param {Float32Array} rows @param {number} count @param {number} columns */
function transposed(rows, count, columns) {
  const out = new Float32Array(rows.length);
  for (let k = 0; k < count; k++) for (let i = 0; i < columns; i++) out[i * count + k] = rows[k * columns + i];
  return out;
}

/** @param {Record<string, unknown>} meta @param {Record<string, [string, number[], Float32Array | Int32Array | Uint8Array]>} arrays */
function arraysFile(meta, arrays) {
  let place = 0;
  const entries = Object.entries(arrays).map(([name, [dtype, shape, data]]) => {
    const begin = place;
    place += data.byteLength;
    return [name, { dtype, shape, data_offsets: [begin, place] }];
  });
  const header = { __metadata__: { id: "made", meta: JSON.stringify(meta) }, ...Object.fromEntries(entries) };
  return safetensors(header, Object.values(arrays).map(([, , data]) => data));
}

/**
 * @param {string} folder @param {string} name
 * @param {{shape: [number, number, number], labels: number[], latentDim?: number, more?: Record<string, unknown>,
 *   image: (row: number, label: number, channel: number, y: number, x: number) => number}} options
 */
export async function linearRun(folder, name, { shape, labels, image, latentDim = 6, more = {} }) {
  const [channels, height, width] = shape;
  const [count, pixels] = [labels.length, channels * height * width];
  const thumbnails = new Uint8Array(count * pixels);
  for (let row = 0, at = 0; row < count; row++)
    for (let c = 0; c < channels; c++)
      for (let y = 0; y < height; y++) for (let x = 0; x < width; x++, at++) thumbnails[at] = Math.max(0, Math.min(255, image(row, labels[row], c, y, x)));
  const basis = cosines(pixels, latentDim);
  const latents = new Float32Array(count * latentDim);
  for (let row = 0; row < count; row++) {
    for (let k = 0; k < latentDim; k++) {
      let sum = 0;
      for (let i = 0; i < pixels; i++) sum += (thumbnails[row * pixels + i] / 255) * basis[k * pixels + i];
      latents[row * latentDim + k] = sum;
    }
  }
  const points = Float32Array.from({ length: 3 * count }, (_, at) => (at % 3 < latentDim ? latents[Math.floor(at / 3) * latentDim + (at % 3)] : 0));
  const classes = [...new Set(labels)].sort((a, b) => a - b);
  const samples = classes.map((label) => labels.indexOf(label));
  const common = { experiment: name, num_points: count, latent_dim: latentDim, l2_normalized: false, image_shape: shape, split: "test", projection_k: Math.min(5, count), ...more };
  const assets = { ...common, sample_labels: classes, sample_indices: samples };
  /** @type {Record<string, [string, number[], any]>} */
  const shared = { points: ["F32", [count, 3], points], labels: ["I32", [count], Int32Array.from(labels)], indices: ["I32", [count], Int32Array.from(labels, (_, i) => i)] };
  const ofAssets = {
    reference_points: shared.points,
    reference_latents: /** @type {[string, number[], any]} */ (["F32", [count, latentDim], latents]),
    reference_latents_raw: /** @type {[string, number[], any]} */ (["F32", [count, latentDim], latents]),
    reference_labels: shared.labels,
    reference_indices: shared.indices,
    digit_samples: /** @type {[string, number[], any]} */ (["F32", [samples.length, pixels], Float32Array.from(samples.flatMap((row) => Array.from(thumbnails.subarray(row * pixels, (row + 1) * pixels), (byte) => byte / 255)))]),
    thumbnails: /** @type {[string, number[], any]} */ (["U8", [count, pixels], thumbnails]),
  };
  for (const [kind, meta, arrays] of /** @type {const} */ ([["assets", assets, ofAssets], ["points", common, { ...shared, thumbnails: ofAssets.thumbnails }]])) {
    const file = `${name}_${kind}.safetensors`;
    const bytes = arraysFile(meta, arrays);
    await writeFile(join(folder, file), bytes);
    await writeFile(join(folder, `${name}_${kind}.json`), JSON.stringify({ arrays: { file, bytes: bytes.length, id: "made" }, ...meta }));
  }
  await writeFile(join(folder, `${name}_encoder.onnx`), onnxModel("encoder", transposed(basis, latentDim, pixels), shape, latentDim));
  await writeFile(join(folder, `${name}_decoder.onnx`), onnxModel("decoder", basis, shape, latentDim));
  return { search: `assets=/changed/${name}_assets.json&encoder=/changed/${name}_encoder.onnx&decoder=/changed/${name}_decoder.onnx`, thumbnails, pixels };
}
