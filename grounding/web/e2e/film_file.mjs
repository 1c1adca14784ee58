/**
 * A film of a training for the tests: the run's points, drawn together, at three checkpoints, with two images.
 *
 *   await writeFilm(folder, points, sha256)   folder/a_film.json and a_film.safetensors
 */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { safetensors } from "../tests/safetensors_file.js";

/** @param {string} folder @param {any} points the viewer's file @param {string} sha256 of the checkpoint that it says */
export async function writeFilm(folder, points, sha256) {
  const count = points.points.length;
  const meta = {
    experiment: points.experiment, checkpoint_sha256: sha256, epochs: [2, 4, 10],
    history: Array.from({ length: 10 }, (_, i) => ({ epoch: i + 1, train_loss: 1 / (i + 1), val_loss: 2 / (i + 1), val_knn: null })),
  };
  const places = [0.1, 0.5, 1].flatMap((share) => points.points.flat().map((/** @type {number} */ value) => share * value));
  const pixels = points.image_shape.reduce((/** @type {number} */ a, /** @type {number} */ b) => a * b);
  const arrays = [Float32Array.from(places), Int32Array.from(points.indices), Int32Array.from([0, 1]), Uint8Array.from({ length: 6 * pixels }, (_, i) => 40 * Math.floor(i / pixels))];
  const shapes = [[3, count, 3], [count], [2], [3, 2, pixels]];
  let end = 0;
  /** @type {Record<string, unknown>} */
  const header = { __metadata__: { id: "film", meta: JSON.stringify(meta) } };
  ["film_points", "film_indices", "film_rows", "film_images"].forEach((name, i) => {
    header[name] = { dtype: ["F32", "I32", "I32", "U8"][i], shape: shapes[i], data_offsets: [end, (end += arrays[i].byteLength)] };
  });
  const bytes = safetensors(header, arrays);
  await writeFile(join(folder, "a_film.safetensors"), bytes);
  await writeFile(join(folder, "a_film.json"), JSON.stringify({ arrays: { file: "a_film.safetensors", bytes: bytes.length, id: "film" }, ...meta }));
}
