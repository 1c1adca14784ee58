/**
 * The cloud turns once around, slowly, until the reader does anything.
 *
 *   const turning = slowTurn(canvas, cloud, {onStop});
 *   turning.start()       after a pause, so that nothing waits for it; not with reduced motion
 *   turning.stop()
 *
 * It comes back to where it began, and then the page asks for no more frames. It ends where drawing takes too
 * long. onStop(): the reader ended it on the way.
 */

import { orbit } from "./camera.js";

const PAUSE_MS = 1_500;
const TURN_MS = 40_000;
/** The first and the last share of the way are slower. */
const EASE = 0.08;
/** A frame may take so long, in the mean of so many. */
const SLOWEST_MS = 45;
const FRAMES = 12;

/** Of the whole turn, at a share of its time: both ends are at rest. @param {number} t in [0, 1] */
export function turnedShare(t) {
  const speed = 1 / (1 - EASE);
  if (t < EASE) return (speed * t * t) / (2 * EASE);
  if (t > 1 - EASE) return 1 - (speed * (1 - t) ** 2) / (2 * EASE);
  return speed * (t - EASE / 2);
}

/** @param {HTMLCanvasElement} canvas @param {import("./cloud.js").Cloud} cloud @param {{onStop: () => void}} listeners */
export function slowTurn(canvas, cloud, { onStop }) {
  const touched = new AbortController();
  let [timer, frame] = [0, 0];
  let isOver = false;

  function stop() {
    if (isOver) return;
    isOver = true;
    touched.abort();
    clearTimeout(timer);
    cancelAnimationFrame(frame);
    if (frame) onStop();
  }
  const { signal } = touched;
  for (const type of ["pointerdown", "wheel", "keydown", "input", "popstate"]) addEventListener(type, stop, { capture: true, passive: true, signal });
  canvas.addEventListener("pointermove", stop, { signal });

  function turn() {
    let [passed, before, count, spent] = [0, 0, 0, 0];
    let base = cloud.camera;
    let shown = base;
    const step = (/** @type {number} */ now) => {
      // A page in the background gets no frames: the way goes on where it was.
      const went = before ? Math.min(100, now - before) : 0;
      before = now;
      passed += went;
      spent += went;
      if (++count === FRAMES) {
        if (spent / count > SLOWEST_MS) return stop();
        [count, spent] = [0, 0];
      }
      // The stage has another size, and the camera another distance.
      if (cloud.camera !== shown) base = orbit(cloud.camera, base.turn - shown.turn, 0);
      const t = passed / TURN_MS;
      if (t >= 1) {
        frame = 0;
        cloud.turned(base);
        return stop();
      }
      shown = orbit(base, -2 * Math.PI * turnedShare(t), 0);
      cloud.turned(shown);
      frame = requestAnimationFrame(step);
    };
    frame = requestAnimationFrame(step);
  }
  return {
    stop,
    start() {
      const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
      if (isOver || isCalm || cloud.isFlat) return stop();
      timer = window.setTimeout(turn, PAUSE_MS);
    },
  };
}
