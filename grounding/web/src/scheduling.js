/**
 * Much is asked, little is done.
 *
 *   const ask = latestWins(send);
 *   const answer = await ask(request);   // null: a newer request took its place
 *   const rest = atRest(act, ms);
 *   rest.changed();                      // act() follows once this has not been called for ms
 *   rest.now(); rest.cancel();           // act() at once, or not at all, if it is still to come
 *
 * latestWins: one request is in flight and one waits; a newer one replaces the one that waits.
 * atRest: one timer outlasts many changes; a slider makes hundreds.
 */

/** @param {() => void} act @param {number} ms */
export function atRest(act, ms) {
  /** @type {ReturnType<typeof setTimeout> | null} */
  let timer = null;
  let last = 0;

  function look() {
    const left = last + ms - performance.now();
    timer = left > 0 ? setTimeout(look, left) : null;
    if (!timer) act();
  }
  function cancel() {
    if (timer) clearTimeout(timer);
    timer = null;
  }
  return {
    changed() {
      last = performance.now();
      timer ??= setTimeout(look, ms);
    },
    now() {
      if (!timer) return;
      cancel();
      act();
    },
    cancel,
  };
}

/**
 * @template Q, A
 * @param {(request: Q) => Promise<A>} send
 * @returns {(request: Q) => Promise<A | null>}
 */
export function latestWins(send) {
  let busy = false;
  /** @type {{request: Q, resolve: (answer: A | null | Promise<A>) => void} | null} */
  let waiting = null;

  /** @param {Q} request @returns {Promise<A>} */
  async function start(request) {
    busy = true;
    try {
      return await send(request);
    } finally {
      busy = false;
      const next = waiting;
      waiting = null;
      if (next) next.resolve(start(next.request));
    }
  }

  return (request) => {
    if (!busy) return start(request);
    waiting?.resolve(null);
    return new Promise((resolve) => {
      waiting = { request, resolve };
    });
  };
}
