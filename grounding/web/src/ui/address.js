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

import { atRest } from "../scheduling.js";
import { readState, writeState } from "../state.js";

const PAUSE_MS = 200;

/** @template S @param {import("../state.js").Table} table @param {(state: S) => void} onChange */
export function followAddress(table, onChange) {
  /** @type {S} */
  let state = readState(table, location.search);
  const here = () => location.pathname + writeState(table, /** @type {any} */ (state));
  const writing = atRest(() => history.replaceState(null, "", here()), PAUSE_MS);

  addEventListener("pagehide", writing.now);
  addEventListener("popstate", () => {
    writing.cancel();
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
      writing.changed();
    },
    /** @param {Partial<S>} changes */
    step(changes) {
      writing.now();
      state = { ...state, ...changes };
      history.pushState(null, "", here());
    },
  };
}
