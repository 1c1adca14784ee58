/**
 * Encoder and decoder in the ONNX runtime (WebAssembly, one thread).
 *
 *   loadModels(encoderUrl, decoderUrl, onProgress, check) -> {encoder: Model, decoder: Model}
 *   model.run(values, count) -> Float32Array; values hold count inputs one after the other
 *
 * The runtime and the models are downloaded side by side; check(url, bytes) is waited for before
 * a model is started. PageError "model" says what does not fit, "host" which header of the server does
 * not let the runtime start.
 */

import { PageError } from "./errors.js";
import { unpacked } from "./unpack.js";
import { download } from "./download.js";
import { checkpointSha256, onnxMetadata } from "./onnx.js";

/** @typedef {import("./download.js").OnProgress} OnProgress */
/** @typedef {import("./messages.js").ModelFacts} ModelFacts */
/** @typedef {typeof import("./runtime.js")} Runtime */
/** @typedef {{facts: ModelFacts, run: (values: Float32Array, count: number) => Promise<Float32Array>}} Model */

const RUNTIME_FILE = "./ort-wasm-simd-threaded.wasm";
const WASM = [0, 0x61, 0x73, 0x6d];
/** A module without anything in it. */
const SMALLEST_WASM = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

/** @param {string} message */
function unfit(message) {
  return new PageError("model", message, "Export encoder and decoder again with this version.");
}

/** @param {OnProgress} onProgress @returns {Promise<Runtime>} */
async function loadRuntime(onProgress) {
  const refused = (/** @type {string} */ message) => (/** @type {unknown} */ error) => {
    const next =
      "The server's header Content-Security-Policy, if it sends one, has to allow script-src 'self' " +
      "'wasm-unsafe-eval', and its Content-Type for .js files has to be text/javascript.";
    throw new PageError("host", `${message}: ${short(error)}.`, next);
  };
  const [runtime, binary] = await Promise.all([
    import("./runtime.js").catch(refused("The script that runs models could not be loaded")),
    runtimeBinary(onProgress),
    WebAssembly.compile(SMALLEST_WASM).catch(refused("This page may not run WebAssembly, which models need")),
  ]);
  runtime.env.wasm.numThreads = 1;
  runtime.env.wasm.wasmBinary = binary;
  runtime.env.logLevel = "error";
  return runtime;
}

/** Packed, wherever the browser can unpack it and the server has it. @param {OnProgress} onProgress @returns {Promise<ArrayBuffer>} */
async function runtimeBinary(onProgress) {
  const url = new URL(RUNTIME_FILE, import.meta.url);
  if ("DecompressionStream" in globalThis) {
    try {
      return await unpacked(new URL(`${RUNTIME_FILE}.gz`, import.meta.url), WASM, "runtime", onProgress);
    } catch {
      // The other file is the same; if that fails too, it says why.
    }
  }
  return (await download(url, "runtime", onProgress)).buffer;
}

/**
 * @param {URL} encoderUrl @param {URL} decoderUrl @param {OnProgress} onProgress
 * @param {(url: URL, bytes: Uint8Array<ArrayBuffer>) => Promise<void>} check
 * @returns {Promise<{encoder: Model, decoder: Model}>}
 */
export async function loadModels(encoderUrl, decoderUrl, onProgress, check) {
  const load = async (/** @type {URL} */ url, /** @type {string} */ name) => {
    const bytes = await download(url, name, onProgress);
    await check(url, bytes);
    return bytes;
  };
  const [runtime, encoderBytes, decoderBytes] = await Promise.all([
    loadRuntime(onProgress),
    load(encoderUrl, "encoder"),
    load(decoderUrl, "decoder"),
  ]);
  const encoder = await startModel(runtime, encoderBytes, "encoder");
  const decoder = await startModel(runtime, decoderBytes, "decoder");
  return { encoder, decoder };
}

/** @param {Runtime} runtime @param {Uint8Array} bytes @param {"encoder" | "decoder"} name @returns {Promise<Model>} */
async function startModel(runtime, bytes, name) {
  let session;
  try {
    session = await runtime.InferenceSession.create(bytes, { graphOptimizationLevel: "all" });
  } catch (error) {
    throw unfit(`The ${name} is no ONNX model that can be run: ${short(error)}.`);
  }
  const { inputNames, outputNames, inputMetadata } = session;
  const [input] = inputMetadata;
  if (inputNames.length !== 1 || outputNames.length !== 1 || !input.isTensor) {
    throw unfit(`The ${name} does not have one input and one output.`);
  }
  const inputShape = input.shape.slice(1);
  if (input.type !== "float32" || !inputShape.every((side) => typeof side === "number" && side > 0)) {
    throw unfit(`The ${name} wants input of type ${input.type} and shape ${input.shape.join(" × ")}.`);
  }
  const sides = /** @type {number[]} */ (inputShape);
  const inputSize = sides.reduce((product, side) => product * side, 1);

  /** @param {Float32Array} values @param {number} count */
  const run = async (values, count) => {
    const tensor = new runtime.Tensor("float32", values, [count, ...sides]);
    const results = await session.run({ [inputNames[0]]: tensor });
    const output = results[outputNames[0]];
    const data = output.data;
    if (!(data instanceof Float32Array) || data.length % count) {
      throw unfit(`The ${name} answers with something that is not one row of numbers each.`);
    }
    return data;
  };

  // The first run reserves memory; it also tells the size of the output.
  const outputSize = (await run(new Float32Array(inputSize), 1)).length;
  const [latentDim, pixels] = name === "encoder" ? [outputSize, inputSize] : [inputSize, outputSize];
  const sha = checkpointSha256(onnxMetadata(bytes));
  return {
    facts: { latentDim, pixels, inputShape: sides, checkpointSha256: sha, bytes: bytes.length },
    run,
  };
}

/** @param {unknown} error */
function short(error) {
  const message = error instanceof Error ? error.message : String(error);
  return message.split("\n")[0].slice(0, 200);
}
