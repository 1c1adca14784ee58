/**
 * Runs t to and fro between 0 and 1.
 *
 *   const player = startPlayer({get, set, onChange});   player.toggle(); player.stop(); player.isPlaying
 *
 * get() and set(t) read and write t; onChange(isPlaying). With reduced motion t goes in steps.
 */

const SECONDS = 5;
const CALM_STEP = 0.1;
const CALM_MS = 700;

/** @param {{get: () => number, set: (t: number) => void, onChange: (isPlaying: boolean) => void}} options */
export function startPlayer({ get, set, onChange }) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let frame = 0;
  let timer = 0;
  let before = 0;
  let way = 1;
  let isPlaying = false;

  /** @param {number} step */
  function go(step) {
    const t = get() + way * step;
    if (t >= 1 || t <= 0) way = t >= 1 ? -1 : 1;
    set(Math.min(1, Math.max(0, t)));
  }
  /** @param {number} now */
  function tick(now) {
    frame = requestAnimationFrame(tick);
    const passed = before ? Math.min(100, now - before) : 0;
    before = now;
    if (passed) go(passed / 1000 / SECONDS);
  }
  function stop() {
    if (!isPlaying) return;
    isPlaying = false;
    cancelAnimationFrame(frame);
    clearInterval(timer);
    onChange(false);
  }
  return {
    get isPlaying() {
      return isPlaying;
    },
    stop,
    toggle() {
      if (isPlaying) return stop();
      isPlaying = true;
      before = 0;
      if (calm.matches) timer = window.setInterval(() => go(CALM_STEP), CALM_MS);
      else frame = requestAnimationFrame(tick);
      onChange(true);
    },
  };
}
