/**
 * Runs the place of the flow to one end, once.
 *
 *   const player = startFlowPlayer({get, set, onChange});
 *   player.to(end); player.stop(); player.isPlaying
 *
 * get() and set(place) read and write it; onChange(isPlaying). With reduced motion it jumps from stop
 * to stop. At the end it stops, and asks for no more frames.
 */

const MS_PER_STOP = 900;
const MS_BACK = 220;
const CALM_MS = 800;

/** @param {{get: () => number, set: (place: number) => void, onChange: (isPlaying: boolean) => void}} options */
export function startFlowPlayer({ get, set, onChange }) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let [frame, timer, before] = [0, 0, 0];
  let isPlaying = false;

  function stop() {
    if (!isPlaying) return;
    isPlaying = false;
    cancelAnimationFrame(frame);
    clearInterval(timer);
    onChange(false);
  }
  /** @param {number} next @param {number} end */
  function go(next, end) {
    const isDone = end > get() ? next >= end : next <= end;
    set(isDone ? end : next);
    if (isDone) stop();
  }
  return {
    get isPlaying() {
      return isPlaying;
    },
    stop,
    /** @param {number} end */
    to(end) {
      stop();
      if (get() === end) return;
      const way = Math.sign(end - get());
      isPlaying = true;
      before = 0;
      onChange(true);
      if (calm.matches) {
        timer = window.setInterval(() => go(way > 0 ? Math.floor(get()) + 1 : Math.ceil(get()) - 1, end), CALM_MS);
        return;
      }
      const tick = (/** @type {number} */ now) => {
        frame = requestAnimationFrame(tick);
        const passed = before ? Math.min(100, now - before) : 0;
        before = now;
        if (passed) go(get() + (way * passed) / (way > 0 ? MS_PER_STOP : MS_BACK), end);
      };
      frame = requestAnimationFrame(tick);
    },
  };
}
