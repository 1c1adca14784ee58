/**
 * What page and worker say to each other.
 *
 * The page sends {id, ask, base, ...arguments}, base being its own address; the worker answers {id, answer} or {id, error}, and
 * before that any number of {id, progress} and {id, notice}; thumbnails follow as {id, block}; the picture of a probe as
 * {id, decoded}, and once, with id 0, {measured}. `Calls` names, for each `ask`, its arguments and its answer; client.js offers each as a method.
 */

/** @typedef {import("./assets.js").LatentPoints} LatentPoints */
/** @typedef {import("./assets.js").InteractiveAssets} InteractiveAssets */

/**
 * @typedef {{loaded: number, total: number | null, what: string}} Progress bytes, none at first;
 *   what: "points", "assets", "encoder", "decoder", "runtime", or later "thumbnails"
 * @typedef {{latentDim: number, pixels: number, inputShape: number[], checkpointSha256: string,
 *   bytes: number}} ModelFacts inputShape without the batch
 */

/**
 * @typedef {object} Placed where a latent lies among the references
 * @property {Float32Array} latent (D) as encoded
 * @property {[number, number, number]} position its barycentric projection
 * @property {Int32Array} indices nearest references, nearest first; none if the only one was left out
 * @property {Float64Array} distances to them, where neighbours are searched: between vectors of unit
 *   length if the assets are l2_normalized
 * @property {Float64Array} weights of the barycentric projection
 * @property {{label: number, count: number}[]} votes most votes first
 * @property {{quantile: number, ratio: number} | null} offManifold null until measured, and where
 *   there is nothing to compare with
 */

/**
 * @typedef {Placed & {milliseconds: number}} Probed D(latent) follows as `decoded`
 * @typedef {Placed & {straight: Placed, drift: number, straightDecoded: Float32Array,
 *   decoded: Float32Array, milliseconds: number}} Interpolated E(D(z_t)) and its picture
 *   D(E(D(z_t))); straight: z_t itself, straightDecoded: D(z_t); drift: as the distances are measured
 */

/**
 * @typedef {object} Path
 * @property {number} steps
 * @property {Float32Array} t (steps)
 * @property {Float32Array} straightPositions (steps, 3) of z_t
 * @property {Float32Array} regroundedPositions (steps, 3) of E(D(z_t))
 * @property {Float64Array} drift (steps) |E(D(z_t)) - z_t|, as distances are measured
 * @property {Float32Array} straightDecoded (steps, pixels) D(z_t)
 * @property {Float32Array} regroundedDecoded (steps, pixels) D(E(D(z_t)))
 */

/**
 * @typedef {object} Trail repeated regrounding
 * @property {Float32Array} positions (steps + 1, 3), the first where it started
 * @property {number[]} drifts (steps) length of each step, as distances are measured
 * @property {boolean} settled whether the last step was short enough
 * @property {number} limit most steps that would have been made
 * @property {number} distance between the first and the last latent
 * @property {Float32Array} decoded (pixels) of the last latent
 */

/**
 * @typedef {object} Flowed where one latent goes under f, z <- E(D(z))
 * @property {Float32Array} latents (n, D) after each of the numbers of steps that were asked for
 * @property {Float32Array} positions (n, 3)
 * @property {Float32Array} decoded (n, pixels)
 * @property {(number | null)[]} labels (n) what most of its nearest references are called; null without labels
 * @property {number | null} rests after how many steps the next is shorter than `rest`; null for never
 * @property {number | null} left after how many steps it is no finite latent any more
 * @property {number} milliseconds of one step, the median
 */

/**
 * @typedef {{next: Float32Array, decoded: Float32Array | null, milliseconds: number}} Stepped E(D(z)) of
 *   many latents, and D(z) if it was asked for
 */

/**
 * @typedef {{indices: Int32Array, distances: Float64Array,
 *   space: "latents" | "points"}} PointNeighbors space: what the distances were measured on
 */

/**
 * @typedef {{image: Float32Array | null, latent?: Float32Array | null, offset?: Float32Array | null}} Input
 *   z is the latent or, without one, E(image), and the offset is added to it
 */

/**
 * @typedef {object} Calls
 * @property {{arguments: {url: string}, answer: LatentPoints}} loadPoints
 * @property {{arguments: {url: string}, answer: InteractiveAssets}} loadAssets
 * @property {{arguments: {encoder: string, decoder: string},
 *   answer: {encoder: ModelFacts, decoder: ModelFacts}}} loadModels needs loadAssets first
 * @property {{arguments: Input & {k?: number, exclude?: number}, answer: Probed}} probe
 *   k: neighbours listed; the projection always takes the assets' projection_k; exclude: a reference
 *   that is the probe itself
 * @property {{arguments: {from: number, to: number, t: number, k?: number},
 *   answer: Interpolated}} interpolate
 * @property {{arguments: {from: number, to: number, steps: number}, answer: Path}} path
 * @property {{arguments: {from: number, to: number, t: number, limit?: number}, answer: Trail}} settle
 *   from z_t
 * @property {{arguments: {url: string}, answer: import("./dynamics.js").Dynamics | null}} loadDynamics
 *   url: empty for the one that the manifest of the run names; null: there is none
 * @property {{arguments: {url: string}, answer: string | null}} findFilm its address, if the run of the points has one
 * @property {{arguments: {url: string}, answer: import("./film.js").Film}} loadFilm
 * @property {{arguments: Input & {times: number[], rest: number},
 *   answer: Flowed}} flow of an image or of a latent; times: numbers of steps, ascending; rest: a length
 * @property {{arguments: {latents: Float32Array, count: number, pictures: boolean}, answer: Stepped}} stepMany
 * @property {{arguments: {latent: Float32Array}, answer: Placed & {drift: number, decoded: Float32Array}}} placeLatent
 * @property {{arguments: {index: number, k: number}, answer: PointNeighbors}} neighbors of a point
 *   or reference, without itself
 * @property {{arguments: Input, answer: {latent: Float32Array}}} encode
 * @property {{arguments: {latent: Float32Array}, answer: Float32Array}} decode C * H * W
 * @property {{arguments: {of: number}, answer: null}} readThumbnails once more, of the load with that id
 * @property {{arguments: {rows: Int32Array}, answer: {order: number[]}}} bestSample rows: of each; order: samples, the best first
 *   sample, the reference that it is, -1 for none; sample: one that is reconstructed right, if any
 */

/** @typedef {keyof Calls} Ask */
/** @typedef {{[K in Ask]: {id: number, ask: K, base: string} & Calls[K]["arguments"]}[Ask]} Request */
/**
 * @typedef {{id: number, answer?: unknown, error?: import("./errors.js").PlainError,
 *   progress?: Progress, notice?: string, broken?: string, measured?: Float64Array,
 *   block?: {offset: number, bytes: Uint8Array} | null, decoded?: Float32Array}} Reply measured:
 *   distances of references to their nearest others, ascending; block: of the thumbnails of a file
 *   that was answered, null: no more will come; decoded: of a probe that was answered, C * H * W
 */

export {};
