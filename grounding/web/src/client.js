/**
 * The page's side of the worker.
 *
 *   const client = startClient({onProgress, onNotice, onMeasured,
 *       onThumbnails, onBroken, onCrash});
 *   await client.loadPoints({url})              -> LatentPoints        (rejects with PageError)
 *   await client.loadAssets({url})              -> InteractiveAssets
 *   await client.loadModels({encoder, decoder}) -> {encoder, decoder} facts; call it right after
 *                                                  loadAssets without waiting, both load side by side
 *   await client.probe({image, latent, offset, k, exclude})  -> Probed with decoded | null    null: a newer one won
 *   await client.interpolate({from, to, t, k})  -> Interpolated | null
 *   await client.path({from, to, steps})        -> Path | null
 *   await client.settle({from, to, t})          -> Trail | null
 *   await client.loadDynamics({url})            -> Dynamics | null     null: the run has no such file
 *   await client.findFilm({url})                -> address | null      of the film of the training
 *   await client.loadFilm({url})                -> Film
 *   await client.flow({image, latent, offset, times, rest})  -> Flowed | null
 *   await client.stepMany({latents, count, pictures})  -> Stepped
 *   await client.placeLatent({latent})          -> Placed and its picture | null
 *   await client.neighbors({index, k})          -> PointNeighbors | null
 *   await client.encode({image, latent, offset})  -> {latent}
 *   await client.decode({latent})               -> Float32Array | null
 *   await client.bestSample({rows})             -> {order}: of the samples, the best reconstructed first
 *   client.stop()
 *
 * A file is there before its thumbnails: thumbnails.data is empty until the first come and fills up from
 * the front, thumbnails.loaded says how far, onThumbnails(thumbnails) that it went on, thumbnails.complete
 * that it ended; onBroken(text, again) that they broke off, and how to read them again. A probe is there
 * before its picture: `decoded` is a promise of D(latent).
 *
 * Types are those of messages.js. Each kind of request but the loads has one in flight and one
 * waiting, and the latest wins. onMeasured(own): the distances of references to their nearest others are
 * known, ascending; probes asked from now on have `offManifold`; ask again.
 */

import { PageError, fromPlain } from "./errors.js";
import { latestWins } from "./scheduling.js";

/** @typedef {import("./messages.js").Ask} Ask */
/** @typedef {import("./messages.js").Calls} Calls */
/** @typedef {import("./messages.js").Reply} Reply */
/** @typedef {import("./assets.js").Thumbnails} Thumbnails */
/** @typedef {import("./messages.js").Probed & {decoded: Promise<Float32Array>}} ProbedInParts */

/**
 * @typedef {object} Listeners
 * @property {(progress: import("./messages.js").Progress) => void} [onProgress]
 * @property {(text: string, again?: () => void) => void} [onNotice] worth a quiet line: something was replaced
 * @property {(own: Float64Array) => void} [onMeasured]
 * @property {(thumbnails: Thumbnails) => void} [onThumbnails] more of them have come
 * @property {(text: string, again: () => void) => void} [onBroken] pictures broke off; again() reads them once more
 * @property {(error: PageError) => void} [onCrash] the worker is gone
 */

const WORKER_HEADERS =
  "Reload the page. If that does not help: the server's header Content-Security-Policy, if it sends one, has to " +
  "allow worker-src 'self', and its Content-Type for .js files has to be text/javascript.";

/** @param {Listeners} [listeners] */
export function startClient({ onProgress, onNotice, onMeasured, onThumbnails, onBroken, onCrash } = {}) {
  const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  /** @type {Map<number, {ask: Ask | "picture", resolve: (answer: any) => void, reject: (error: PageError) => void}>} */
  const pending = new Map();
  let lastId = 0;

  worker.addEventListener("message", ({ data }) => {
    const { id, answer, error, progress, notice, measured, block, broken, decoded } = /** @type {Reply} */ (data);
    if (progress) return onProgress?.(progress);
    if (notice) return onNotice?.(notice);
    if (broken) return onBroken?.(broken, () => worker.postMessage({ id: ++lastId, ask: "readThumbnails", base: location.href, of: id }));
    if (measured) return onMeasured?.(measured);
    if (block !== undefined) return arrived(id, block);
    const waiting = pending.get(id);
    pending.delete(id);
    if (error) waiting?.reject(fromPlain(error));
    else if (decoded) waiting?.resolve(decoded);
    else if (waiting?.ask === "probe") waiting.resolve(withPicture(id, /** @type {import("./messages.js").Probed} */ (answer)));
    else waiting?.resolve(withThumbnails(id, answer));
  });

  /** @param {number} id @param {import("./messages.js").Probed} answer */
  function withPicture(id, answer) {
    const decoded = /** @type {Promise<Float32Array>} */ (
      new Promise((resolve, reject) => pending.set(id, { ask: "picture", resolve, reject }))
    );
    // Whoever waits for it is told; a probe whose picture nobody wants is no uncaught error.
    decoded.catch(() => {});
    return { ...answer, decoded };
  }

  /** @type {Map<number, {thumbnails: Thumbnails, size: number, end: (isComplete: boolean) => void}>} */
  const incoming = new Map();

  /** @param {number} id @param {any} answer */
  function withThumbnails(id, answer) {
    const thumbnails = /** @type {Thumbnails | null | undefined} */ (answer?.thumbnails);
    if (!thumbnails) return answer;
    if (thumbnails.loaded) thumbnails.complete = Promise.resolve(true);
    else {
      const [channels, height, width] = thumbnails.shape;
      const size = answer.count * channels * height * width;
      thumbnails.complete = new Promise((end) => incoming.set(id, { thumbnails, size, end }));
    }
    return answer;
  }

  /** @param {number} id @param {{offset: number, bytes: Uint8Array} | null} block */
  function arrived(id, block) {
    const one = incoming.get(id);
    if (!one) return;
    const { thumbnails, size, end } = one;
    const [channels, height, width] = thumbnails.shape;
    if (block) {
      const end = block.offset + block.bytes.length;
      if (end > size) return;
      // Not before: so much is only promised until the file itself has come.
      if (!thumbnails.data.length) thumbnails.data = new Uint8Array(size);
      thumbnails.data.set(block.bytes, block.offset);
      // Read again, they begin anew: those that are there stay.
      thumbnails.loaded = Math.max(thumbnails.loaded, Math.floor(end / (channels * height * width)));
    } else {
      incoming.delete(id);
      end(thumbnails.loaded * channels * height * width === size);
    }
    onThumbnails?.(thumbnails);
  }

  worker.addEventListener("error", (event) => {
    const error = event.message
      ? new PageError("internal", `The page's worker stopped: ${event.message}.`, "Reload the page.")
      : new PageError("host", "The page's worker could not be loaded.", WORKER_HEADERS);
    for (const { reject } of pending.values()) reject(error);
    pending.clear();
    onCrash?.(error);
  });

  /** @template {Ask} K @param {K} ask */
  const call =
    (ask) =>
    /** @param {Calls[K]["arguments"]} values @returns {Promise<Calls[K]["answer"]>} */
    (values) =>
      new Promise((resolve, reject) => {
        const id = ++lastId;
        pending.set(id, { ask, resolve, reject });
        // The worker lies in another folder: relative addresses are meant from the page.
        worker.postMessage({ ...values, id, ask, base: location.href });
      });

  return {
    loadPoints: call("loadPoints"),
    loadAssets: call("loadAssets"),
    loadModels: call("loadModels"),
    probe: latestWins(/** @type {(values: Calls["probe"]["arguments"]) => Promise<ProbedInParts>} */ (call("probe"))),
    interpolate: latestWins(call("interpolate")),
    path: latestWins(call("path")),
    settle: latestWins(call("settle")),
    loadDynamics: call("loadDynamics"),
    findFilm: call("findFilm"),
    loadFilm: call("loadFilm"),
    flow: latestWins(call("flow")),
    stepMany: call("stepMany"),
    placeLatent: latestWins(call("placeLatent")),
    neighbors: latestWins(call("neighbors")),
    encode: call("encode"),
    decode: latestWins(call("decode")),
    bestSample: call("bestSample"),
    stop: () => worker.terminate(),
  };
}

/** @typedef {ReturnType<typeof startClient>} Client */
