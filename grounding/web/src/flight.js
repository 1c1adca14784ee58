/**
 * A short move of the camera, so that the eye can follow where it goes.
 *
 *   const flights = flight(canvas, cloud);
 *   flights.to(camera)          at once with reduced motion
 *   flights.stop(then)          ends a move that is under way, then calls `then`
 *
 * The reader's hand on the canvas ends a move.
 */

/** @typedef {import("./camera.js").Camera} Camera */

const FLIGHT_MS = 350;

/** @param {Camera} a @param {Camera} b @param {number} t in [0, 1] @returns {Camera} */
export function between(a, b, t) {
  const mix = (/** @type {number} */ from, /** @type {number} */ to) => from + (to - from) * t;
  const [x, y, z] = a.target.map((from, axis) => mix(from, b.target[axis]));
  return {
    turn: mix(a.turn, b.turn),
    tilt: mix(a.tilt, b.tilt),
    distance: a.distance * (b.distance / a.distance) ** t,
    target: [x, y, z],
  };
}

/** @param {HTMLCanvasElement} canvas @param {import("./cloud.js").Cloud} cloud */
export function flight(canvas, cloud) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let frame = 0;

  /** @param {() => void} [then] */
  function stop(then) {
    cancelAnimationFrame(frame);
    then?.();
  }
  for (const type of ["pointerdown", "wheel", "keydown"]) {
    canvas.addEventListener(type, () => stop(), { capture: true, passive: true });
  }
  return {
    stop,
    /** @param {Camera} goal */
    to(goal) {
      stop();
      if (calm.matches) return cloud.setCamera(goal);
      const [start, from] = [performance.now(), cloud.camera];
      const step = (/** @type {number} */ now) => {
        const t = Math.min(1, Math.max(0, (now - start) / FLIGHT_MS));
        cloud.setCamera(t < 1 ? between(from, goal, t * t * (3 - 2 * t)) : goal);
        if (t < 1) frame = requestAnimationFrame(step);
      };
      frame = requestAnimationFrame(step);
    },
  };
}
