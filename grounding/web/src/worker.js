/**
 * The worker that owns both models, the references and the neighbour search.
 *
 * It answers the calls of messages.js, one model call at a time. Once models and references are
 * there it measures, while idle, how far references lie from each other ("measured" is then said
 * once), which is what offManifold compares with. All distances are those between searched latents:
 * of unit length if the assets are l2_normalized. Pages talk to it through client.js.
 */

import { checkBelongTogether, parseInteractiveAssets, parseLatentPoints } from "./assets.js";
import { parseDynamics } from "./dynamics.js";
import { parseFilm } from "./film.js";
import { PageError, asPageError, toPlain } from "./errors.js";
import { checkWhole } from "./integrity.js";
import { driftOf, flowOf, pointBetween, reground, regroundUntilSettled, straightPath } from "./interpolation.js";
import { loadFile } from "./loading.js";
import { loadModels } from "./models.js";
import { nearest, ownNearestDistances, sampleRows } from "./neighbors.js";
import { barycentricPosition, barycentricWeights, classVotes, offManifold, searched, unitOf } from "./projection.js";
import { sameOriginUrl } from "./urls.js";

/** @typedef {import("./assets.js").InteractiveAssets} InteractiveAssets */
/** @typedef {import("./messages.js").Calls} Calls */
/** @typedef {import("./messages.js").Placed} Placed */
/** @typedef {import("./messages.js").Reply} Reply */
/** @typedef {import("./messages.js").Request} Request */
/** @typedef {import("./models.js").Model} Model */

/** What comes beside the points has its words elsewhere. */
const SILENT = { onProgress: () => undefined, onNotice: () => undefined };

const MEASURED_ROWS = 512;
const SLICE_MS = 4;
const PROGRESS_MS = 50;
/** Shorter steps of repeated regrounding end it: in units of the references' median distance, or of |z|. */
const SETTLED = { ofUnit: 0.01, ofLatent: 1e-3 };
const MOST_REGROUNDINGS = 200;
const MOST_STEPS = 500;
/** Samples that are looked at for one to begin with. */
const MOST_TRIED = 30;
/** Share of the neighbours from which a class is beyond doubt. */
const AGREED = 0.8;
/** So that the page can show where a probe landed while no other thread wants its processor. */
const PICTURE_MS = 1;

/** @type {Promise<InteractiveAssets> | null} */
let assetsLoad = null;
/** @type {Promise<import("./integrity.js").Manifest | null>} */
let manifestLoad = Promise.resolve(null);
/** @type {InteractiveAssets | null} */
let assets = null;
/** The file of the viewer. @type {import("./assets.js").LatentPoints | null} */
let viewed = null;
/** @type {{matrix: Float32Array, dim: number} | null} */
let points = null;
/** @type {{encoder: Model, decoder: Model} | null} */
let models = null;
/** @type {ReturnType<typeof loadModels> | null} */
let modelsLoad = null;
let ownDistances = new Float64Array();
/** @type {Promise<void>} */
let measuring = Promise.resolve();

/** @param {Reply} reply @param {Transferable[]} [transfer] */
function say(reply, transfer = []) {
  postMessage(reply, { transfer });
}

/** @param {number} id */
const listeners = (id) => ({
  onProgress: paced((/** @type {import("./messages.js").Progress} */ progress) => say({ id, progress })),
  onNotice: (/** @type {string} */ notice) => say({ id, notice }),
});

/**
 * A large file comes in hundreds of pieces; the reader needs to hear of few.
 * @param {import("./download.js").OnProgress} tell @returns {import("./download.js").OnProgress}
 */
function paced(tell) {
  /** @type {Map<string, number>} */
  const told = new Map();
  return (progress) => {
    const now = performance.now();
    if (progress.loaded !== progress.total && now - (told.get(progress.what) ?? -Infinity) < PROGRESS_MS) return;
    told.set(progress.what, now);
    tell(progress);
  };
}

/**
 * After the answer, and after the models, so that nothing waits for them.
 * @param {import("./loading.js").Rest | null} read @param {number} id
 */
async function sendThumbnails(read, id) {
  if (!read) return;
  await new Promise((resolve) => setTimeout(resolve));
  await modelsLoad?.catch(() => undefined);
  try {
    await read((offset, bytes) => say({ id, block: { offset, bytes } }, [bytes.buffer]));
    say({ id, block: null });
  } catch (error) {
    broken.set(id, read);
    say({ id, broken: `Some pictures are missing: ${asPageError(error).message}` });
  }
}

/** Thumbnails that broke off, by the question that asked for their file. @type {Map<number, import("./loading.js").Rest>} */
const broken = new Map();

function ready() {
  if (!assets || !models) {
    throw new PageError("internal", "The models are not loaded yet.", "Reload the page.");
  }
  return { assets, ...models };
}

/** @param {InteractiveAssets} references @param {number} row @returns {Float32Array} raw latent */
function rawLatent({ rawLatents, latentDim, count }, row) {
  if (!Number.isInteger(row) || row < 0 || row >= count) {
    const next = `Choose two points in 0 to ${count - 1}.`;
    throw new PageError("parameter", `There is no reference ${row}.`, next);
  }
  return rawLatents.subarray(row * latentDim, (row + 1) * latentDim);
}

/**
 * @param {InteractiveAssets} references @param {Float32Array} latent @param {number} [k]
 * @param {number} [exclude] a reference that is the latent's own
 * @returns {Placed}
 */
function place(references, latent, k = references.projectionK, exclude = -1) {
  const { latents, latentDim, projectionK, points, labels } = references;
  const found = nearest(latents, latentDim, searched(references, latent), Math.max(k, projectionK), { exclude });
  const near = found.indices.subarray(0, projectionK);
  const distances = found.distances.subarray(0, projectionK);
  const weights = new Float64Array(found.indices.length);
  weights.set(barycentricWeights(distances));
  const indices = found.indices.slice(0, k);
  // Without any other reference there is one place left to be.
  const alone = points.subarray(3 * exclude, 3 * exclude + 3);
  return {
    latent: latent.slice(),
    position: near.length ? barycentricPosition(near, distances, points) : [alone[0], alone[1], alone[2]],
    indices,
    distances: found.distances.slice(0, k),
    weights: weights.slice(0, k),
    votes: classVotes(indices, labels),
    offManifold: found.distances.length ? offManifold(found.distances[0], ownDistances) : null,
  };
}

/** @type {{[K in keyof Calls]: (call: Calls[K]["arguments"], id: number, base: string) => Promise<Calls[K]["answer"]>}} */
const answers = {
  async loadPoints({ url }, id, base) {
    const checked = sameOriginUrl(url, base, "data");
    const { value, thumbnails, manifest } = await loadFile(checked, "points", listeners(id));
    const file = (viewed = parseLatentPoints(value));
    manifestLoad = manifest;
    points = { matrix: file.points, dim: 3 };
    void sendThumbnails(thumbnails, id);
    return file;
  },

  async loadAssets({ url }, id, base) {
    const checked = sameOriginUrl(url, base, "assets");
    const loading = loadFile(checked, "assets", listeners(id));
    assetsLoad = loading.then(({ value }) => parseInteractiveAssets(value));
    manifestLoad = loading.then(({ manifest }) => manifest, () => null);
    assets = await assetsLoad;
    void sendThumbnails((await loading).thumbnails, id);
    points = { matrix: assets.latents, dim: assets.latentDim };
    return assets;
  },

  async readThumbnails({ of }) {
    const read = broken.get(of) ?? null;
    broken.delete(of);
    await sendThumbnails(read, of);
    return null;
  },

  async loadModels({ encoder, decoder }, id, base) {
    const encoderUrl = sameOriginUrl(encoder, base, "encoder");
    const decoderUrl = sameOriginUrl(decoder, base, "decoder");
    modelsLoad = loadModels(encoderUrl, decoderUrl, listeners(id).onProgress, async (url, bytes) => checkWhole(await manifestLoad, url, bytes));
    const [loaded, references] = await Promise.all([modelsLoad, assetsLoad]);
    const facts = { encoder: loaded.encoder.facts, decoder: loaded.decoder.facts };
    if (references) checkBelongTogether(references, facts.encoder, facts.decoder);
    models = loaded;
    if (references) measuring = measureOwnDistances(references);
    return facts;
  },

  async probe({ k, exclude, ...input }, id) {
    const start = performance.now();
    const { assets } = ready();
    const placed = place(assets, await latentOf(input), k, exclude);
    setTimeout(() => queue(() => sendPicture(placed.latent, id)), PICTURE_MS);
    return { ...placed, milliseconds: performance.now() - start };
  },

  async encode(input) {
    return { latent: await latentOf(input) };
  },

  decode: ({ latent }) => ready().decoder.run(latent, 1),

  async interpolate({ from, to, t, k }) {
    const start = performance.now();
    const { assets, encoder, decoder } = ready();
    const z = pointBetween(rawLatent(assets, from), rawLatent(assets, to), t);
    const straightDecoded = await decoder.run(z, 1);
    const latent = await encoder.run(straightDecoded, 1);
    const decoded = await decoder.run(latent, 1);
    return {
      ...place(assets, latent, k),
      straight: place(assets, z, k),
      drift: drifts(assets, z, latent)[0],
      straightDecoded,
      decoded,
      milliseconds: performance.now() - start,
    };
  },

  async path({ from, to, steps }) {
    const { assets } = ready();
    if (!Number.isInteger(steps) || steps < 2 || steps > MOST_STEPS) {
      throw new PageError("parameter", `A path of ${steps} steps cannot be drawn.`, "Reload the page.");
    }
    const dim = assets.latentDim;
    const z = straightPath(rawLatent(assets, from), rawLatent(assets, to), steps);
    const { decoded, latents } = await reground(z, steps, batches());
    return {
      steps,
      t: Float32Array.from({ length: steps }, (_, i) => i / (steps - 1)),
      straightPositions: positions(assets, z, dim),
      regroundedPositions: positions(assets, latents, dim),
      drift: drifts(assets, z, latents),
      straightDecoded: decoded,
      regroundedDecoded: await ready().decoder.run(latents, steps),
    };
  },

  async settle({ from, to, t, limit = 50 }) {
    const { assets, decoder } = ready();
    await measuring;
    const z = pointBetween(rawLatent(assets, from), rawLatent(assets, to), t);
    const most = Math.min(limit, MOST_REGROUNDINGS);
    const unit = unitOf(ownDistances);
    const tolerance = unit === null ? SETTLED.ofLatent * Math.hypot(...searched(assets, z)) : SETTLED.ofUnit * unit;
    const measure = (/** @type {Float32Array} */ a, /** @type {Float32Array} */ b) => drifts(assets, a, b)[0];
    const { trail, drifts: steps, settled } = await regroundUntilSettled(z, batches(), { tolerance, limit: most, measure });
    const last = trail[trail.length - 1];
    const places = Float32Array.from(trail.flatMap((latent) => place(assets, latent).position));
    return { positions: places, drifts: steps, settled, limit: most, distance: measure(z, last), decoded: await decoder.run(last, 1) };
  },

  async loadDynamics({ url }, id, base) {
    const references = await assetsLoad;
    const manifest = await manifestLoad;
    const name = `${references?.about.experiment}_dynamics.json`;
    if (!references || (!url && !manifest?.hashes.has(name))) return null;
    const found = url ? sameOriginUrl(url, base, "dynamics") : new URL(`./${encodeURIComponent(name)}`, manifest?.url);
    // The words of a notice stand where the flow would be.
    const { value } = await loadFile(found, "dynamics", SILENT);
    return parseDynamics(value, references);
  },

  async findFilm({ url }, _, base) {
    if (url) return sameOriginUrl(url, base, "film").href;
    const manifest = await manifestLoad;
    const name = `${viewed?.about.experiment}_film.json`;
    return viewed?.about.split === "test" && manifest?.hashes.has(name) ? new URL(`./${encodeURIComponent(name)}`, manifest.url).href : null;
  },

  async loadFilm({ url }, _, base) {
    if (!viewed) throw new Error("no points");
    const { value } = await loadFile(sameOriginUrl(url, base, "film"), "film", SILENT);
    return parseFilm(value, viewed);
  },

  async flow({ times, rest, ...input }) {
    const { assets, decoder } = ready();
    const first = await latentOf(input);
    const { visited, decoded, rests, left, lengths } = await flowOf(first, batches(), { times, rest });
    const placed = visited.map((z) => place(assets, z));
    return {
      latents: joinedRows(visited),
      positions: Float32Array.from(placed.flatMap(({ position }) => position)),
      decoded: joinedRows(decoded),
      labels: placed.map(({ votes }) => (assets.hasLabels ? (votes[0]?.label ?? null) : null)),
      rests,
      left,
      milliseconds: lengths.sort((a, b) => a - b)[lengths.length >> 1] ?? 0,
    };
  },

  async stepMany({ latents, count, pictures }) {
    const start = performance.now();
    const { decoded, latents: next } = await reground(latents, count, batches());
    return { next, decoded: pictures ? decoded : null, milliseconds: performance.now() - start };
  },

  async placeLatent({ latent }) {
    const { assets, encoder, decoder } = ready();
    const decoded = await decoder.run(latent, 1);
    const again = await encoder.run(decoded, 1);
    return { ...place(assets, latent), drift: drifts(assets, latent, again)[0], decoded };
  },

  async bestSample({ rows }) {
    const { assets, encoder, decoder } = ready();
    const { digits, digitSamples, sampleLabels, latentDim: dim } = assets;
    const count = Math.min(digits, MOST_TRIED);
    const size = digitSamples.length / digits;
    const images = digitSamples.slice(0, count * size);
    const latents = await encoder.run(images, count);
    const decoded = await decoder.run(latents, count);
    const again = await encoder.run(decoded, count);
    // Share of the neighbours that are of the sample's class: all of them is more than most.
    const own = (/** @type {Float32Array} */ z, /** @type {number} */ i) => {
      const { votes } = place(assets, z.subarray(i * dim, (i + 1) * dim), undefined, rows[i]);
      const all = votes.reduce((sum, { count }) => sum + count, 0);
      return votes[0]?.label === sampleLabels?.[i] ? votes[0].count / all : 0;
    };
    const tried = Array.from({ length: count }, (_, sample) => {
      const agreed = sampleLabels ? Math.min(own(latents, sample), own(again, sample)) : 1;
      return { sample, agreed, loss: lostShare(images, decoded, sample * size, size) };
    });
    const quality = (/** @type {{agreed: number}} */ one) => Number(one.agreed >= AGREED) + Number(one.agreed > 0);
    tried.sort((a, b) => quality(b) - quality(a) || a.loss - b.loss);
    return { order: tried.map(({ sample }) => sample) };
  },

  async neighbors({ index, k }) {
    if (!points || !(index >= 0 && index * points.dim < points.matrix.length)) {
      throw new PageError("parameter", `There is no point ${index}.`, "Choose another one.");
    }
    const { matrix, dim } = points;
    const query = matrix.subarray(index * dim, (index + 1) * dim);
    const found = nearest(matrix, dim, query, k, { exclude: index });
    return { ...found, space: assets ? "latents" : "points" };
  },
};

/** @param {import("./messages.js").Input} input @returns {Promise<Float32Array>} */
async function latentOf({ image, latent, offset }) {
  const z = latent ?? (await ready().encoder.run(/** @type {Float32Array} */ (image), 1));
  return offset ? z.map((value, i) => value + offset[i]) : z;
}

/** @returns {import("./interpolation.js").Models} */
function batches() {
  const { encoder, decoder } = ready();
  return { encode: encoder.run, decode: decoder.run };
}

/** @param {InteractiveAssets} references @param {Float32Array} latents @param {number} dim */
function positions(references, latents, dim) {
  const out = new Float32Array((latents.length / dim) * 3);
  for (let row = 0; row * dim < latents.length; row++) {
    out.set(place(references, latents.subarray(row * dim, (row + 1) * dim)).position, row * 3);
  }
  return out;
}

/** @param {readonly Float32Array[]} rows of one length */
function joinedRows(rows) {
  const out = new Float32Array(rows.length * (rows[0]?.length ?? 0));
  rows.forEach((row, i) => out.set(row, i * row.length));
  return out;
}

/** |a - b| of each row, as distances are measured. @param {InteractiveAssets} references @param {Float32Array} a @param {Float32Array} b */
function drifts(references, a, b) {
  return driftOf(searched(references, a), searched(references, b), references.latentDim);
}

/**
 * Share of an image's variance that its reconstruction has lost.
 * @param {Float32Array} images @param {Float32Array} decoded @param {number} from @param {number} size
 */
function lostShare(images, decoded, from, size) {
  const image = images.subarray(from, from + size);
  const mean = image.reduce((sum, value) => sum + value, 0) / size;
  let [error, variance] = [0, 0];
  for (let i = 0; i < size; i++) {
    error += (decoded[from + i] - image[i]) ** 2;
    variance += (image[i] - mean) ** 2;
  }
  return variance > 0 ? error / variance : Infinity;
}

/** In short slices, so that a request never waits for it. @param {InteractiveAssets} references */
async function measureOwnDistances({ latents, latentDim, count }) {
  if (count < 2) return;
  const rows = sampleRows(count, MEASURED_ROWS);
  const measured = new Float64Array(rows.length);
  for (let i = 0; i < rows.length; ) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    const end = performance.now() + SLICE_MS;
    do measured[i] = ownNearestDistances(latents, latentDim, [rows[i]])[0];
    while (++i < rows.length && performance.now() < end);
  }
  ownDistances = measured.sort();
  say({ id: 0, measured: ownDistances });
}

/** Calls of a model wait for each other: a session runs one at a time. */
let last = Promise.resolve();
const LOADS = new Set(["loadPoints", "loadAssets", "loadModels", "loadDynamics", "findFilm", "loadFilm", "readThumbnails"]);

/** @param {() => Promise<void>} job */
function queue(job) {
  last = last.then(job);
}

/** @param {number} id @param {() => Promise<Reply>} make */
async function reply(id, make) {
  try {
    say(await make());
  } catch (error) {
    say({ id, error: toPlain(error) });
  }
}

/** @param {Request} request */
function answer(request) {
  const { id, ask, base } = request;
  const call = /** @type {(call: unknown, id: number, base: string) => Promise<unknown>} */ (answers[ask]);
  return reply(id, async () => ({ id, answer: await call(request, id, base) }));
}

/**
 * Of a probe, unasked: a request of its own would have to wake this thread once more.
 * @param {Float32Array} latent @param {number} id
 */
function sendPicture(latent, id) {
  return reply(id, async () => ({ id, decoded: await ready().decoder.run(latent, 1) }));
}

addEventListener("message", ({ data }) => {
  const request = /** @type {Request} */ (data);
  if (LOADS.has(request.ask)) void answer(request);
  else queue(() => answer(request));
});
