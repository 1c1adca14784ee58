/**
 * A short move of the camera, so that the eye can follow where it goes.
 *
 *   const flights = flight(canvas, cloud);
 *   flights.to(camera, also)    at once with reduced motion; also(share) goes with it, 0 to 1
 *   flights.stop(then)          ends a move that is under way, then calls `then`
 *
 * The reader's hand on the canvas ends a move: what goes with it is then at its end at once.
 */

/** @typedef {import("./camera.js").Camera} Camera */

const FLIGHT_MS = 350;

/** The same look, by the shorter way around. @param {number} turn @param {number} from */
const around = (turn, from) => turn - 2 * Math.PI * Math.round((turn - from) / (2 * Math.PI));

/** @param {Camera} a @param {Camera} b @param {number} t in [0, 1] @returns {Camera} */
export function between(a, b, t) {
  const mix = (/** @type {number} */ from, /** @type {number} */ to) => from + (to - from) * t;
  const [x, y, z] = a.target.map((from, axis) => mix(from, b.target[axis]));
  return {
    turn: mix(a.turn, around(b.turn, a.turn)),
    tilt: mix(a.tilt, b.tilt),
    distance: a.distance * (b.distance / a.distance) ** t,
    target: [x, y, z],
  };
}

/** @param {HTMLCanvasElement} canvas @param {import("./cloud.js").Cloud} cloud */
export function flight(canvas, cloud) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let frame = 0;
  /** @type {((share: number) => void) | null | undefined} */
  let company = null;

  /** @param {() => void} [then] */
  function stop(then) {
    cancelAnimationFrame(frame);
    company?.(1);
    company = null;
    then?.();
  }
  for (const type of ["pointerdown", "wheel", "keydown"]) {
    canvas.addEventListener(type, () => stop(), { capture: true, passive: true });
  }
  return {
    stop,
    /** @param {Camera} goal @param {(share: number) => void} [also] */
    to(goal, also) {
      stop();
      if (calm.matches) {
        also?.(1);
        return cloud.setCamera(goal);
      }
      company = also;
      const [start, from] = [performance.now(), cloud.camera];
      const step = (/** @type {number} */ now) => {
        const t = Math.min(1, Math.max(0, (now - start) / FLIGHT_MS));
        const share = t * t * (3 - 2 * t);
        also?.(share);
        cloud.setCamera(t < 1 ? between(from, goal, share) : goal);
        if (t < 1) frame = requestAnimationFrame(step);
        else company = null;
      };
      frame = requestAnimationFrame(step);
    },
  };
}
