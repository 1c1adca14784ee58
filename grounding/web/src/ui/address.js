/**
 * The page's state in the address bar.
 *
 *   const address = followAddress(PLAYGROUND, onChange);
 *   address.state                      the present state
 *   address.change({t: 0.5})           replaces the entry, once changes have paused: writing it
 *                                      takes the browser milliseconds, and a slider needs them
 *   address.step({mode: "probe"})      a new entry, for the back button
 *   address.slide({rotation: 3})       a new entry when a gesture begins, the same while it goes on:
 *                                      while the pointer is down, or keys follow each other. The entry is made
 *                                      once what it is about is painted
 *
 * onChange(state) is called when the reader goes back or forward, not for own changes.
 */

import { atRest } from "../scheduling.js";
import { readState, writeState } from "../state.js";

const PAUSE_MS = 200;
const SAME_GESTURE_MS = 1000;

/** @template S @param {import("../state.js").Table} table @param {(state: S) => void} onChange */
export function followAddress(table, onChange) {
  /** @type {S} */
  let state = readState(table, location.search);
  const here = () => location.pathname + writeState(table, /** @type {any} */ (state));
  const writing = atRest(() => history.replaceState(null, "", here()), PAUSE_MS);

  /** @type {{name: string, press: number, at: number} | null} the one that has an entry */
  let gesture = null;
  let [presses, isDown] = [0, false];
  addEventListener("pointerdown", () => ([presses, isDown] = [presses + 1, true]), true);
  for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => (isDown = false), true);

  let isDue = false;
  function makeEntry() {
    if (isDue) history.pushState(null, "", here());
    isDue = false;
  }
  function writeAll() {
    makeEntry();
    writing.now();
  }
  // Who goes back has let go before.
  for (const end of ["pointerup", "keyup"]) addEventListener(end, makeEntry, true);
  addEventListener("pagehide", writeAll);
  addEventListener("popstate", () => {
    writing.cancel();
    isDue = false;
    gesture = null;
    state = readState(table, location.search);
    onChange(state);
  });
  /** @param {Partial<S>} changes */
  function change(changes) {
    state = { ...state, ...changes };
    writing.changed();
  }
  /** @param {Partial<S>} changes */
  function step(changes) {
    begin(changes);
    makeEntry();
  }
  /** @param {Partial<S>} changes */
  function begin(changes) {
    writeAll();
    gesture = null;
    state = { ...state, ...changes };
    isDue = true;
  }
  return {
    get state() {
      return state;
    },
    change,
    step,
    /** @param {Partial<S>} changes */
    slide(changes) {
      const name = Object.keys(changes).join();
      const at = performance.now();
      const goesOn = gesture?.name === name && gesture.press === presses && (isDown || at - gesture.at < SAME_GESTURE_MS);
      if (goesOn) change(changes);
      else {
        begin(changes);
        requestAnimationFrame(() => setTimeout(makeEntry));
      }
      gesture = { name, press: presses, at };
    },
  };
}
