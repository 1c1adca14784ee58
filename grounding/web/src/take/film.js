/**
 * A short film of the stage, webm.
 *
 *   canFilm()                                  whether this browser can
 *   await film(cloud, show, {seconds, signal})  -> Blob; show(share) for 0 to 1 before each picture
 */

import { element } from "../ui/element.js";

const RATE = 30;
const KINDS = ["video/webm;codecs=vp9", "video/webm;codecs=vp8", "video/webm"];

const kind = () => KINDS.find((one) => MediaRecorder.isTypeSupported(one));

export const canFilm = () => "MediaRecorder" in globalThis && "captureStream" in HTMLCanvasElement.prototype && kind() !== undefined;

/**
 * @param {import("../cloud.js").Cloud} cloud @param {(share: number) => void} show
 * @param {{seconds: number, signal: AbortSignal}} options @returns {Promise<Blob | null>} null: it was stopped
 */
export async function film(cloud, show, { seconds, signal }) {
  const { width, height } = cloud.view();
  const canvas = element("canvas", { width: 2 * Math.round(width / 2), height: 2 * Math.round(height / 2) });
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const recorder = new MediaRecorder(canvas.captureStream(RATE), { mimeType: kind(), videoBitsPerSecond: 8_000_000 });
  /** @type {Blob[]} */
  const parts = [];
  recorder.ondataavailable = ({ data }) => parts.push(data);
  const stopped = new Promise((resolve) => (recorder.onstop = resolve));
  recorder.start();
  const start = performance.now();
  for (let share = 0; share < 1 && !signal.aborted; ) {
    await new Promise((resolve) => requestAnimationFrame(resolve));
    share = Math.min(1, (performance.now() - start) / (1000 * seconds));
    show(share);
    cloud.paintInto(pen);
  }
  recorder.stop();
  await stopped;
  return signal.aborted ? null : new Blob(parts, { type: "video/webm" });
}
