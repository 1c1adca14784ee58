/**
 * The page's state in the address bar.
 *
 *   const address = followAddress(PLAYGROUND, onChange);
 *   address.state                      the present state
 *   address.change({t: 0.5})           replaces the entry, once changes have paused: writing it
 *                                      takes the browser milliseconds, and a slider needs them
 *   address.step({mode: "probe"})      a new entry, for the back button
 *
 * onChange(state) is called when the reader goes back or forward, not for own changes.
 */

import { readState, writeState } from "../state.js";

const PAUSE_MS = 200;

/** @template S @param {import("../state.js").Table} table @param {(state: S) => void} onChange */
export function followAddress(table, onChange) {
  /** @type {S} */
  let state = readState(table, location.search);
  let timer = 0;
  let changed = 0;

  function write() {
    clearTimeout(timer);
    timer = 0;
    history.replaceState(null, "", here());
  }
  /** One timer outlasts many changes: a slider makes hundreds. */
  function writeOncePaused() {
    const left = changed + PAUSE_MS - performance.now();
    if (left <= 0) write();
    else timer = window.setTimeout(writeOncePaused, left);
  }
  const here = () => location.pathname + writeState(table, /** @type {any} */ (state));

  addEventListener("pagehide", () => timer && write());
  addEventListener("popstate", () => {
    clearTimeout(timer);
    timer = 0;
    state = readState(table, location.search);
    onChange(state);
  });
  return {
    get state() {
      return state;
    },
    /** @param {Partial<S>} changes */
    change(changes) {
      state = { ...state, ...changes };
      changed = performance.now();
      timer ||= window.setTimeout(writeOncePaused, PAUSE_MS);
    },
    /** @param {Partial<S>} changes */
    step(changes) {
      if (timer) write();
      state = { ...state, ...changes };
      history.pushState(null, "", here());
    },
  };
}
