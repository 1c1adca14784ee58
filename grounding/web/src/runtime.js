/** The part of the ONNX runtime that runs models; a file of its own once bundled, loaded with the first model. */

export { InferenceSession, Tensor, env } from "onnxruntime-web/wasm";
