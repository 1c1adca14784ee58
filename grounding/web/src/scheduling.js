/**
 * The latest request wins.
 *
 *   const ask = latestWins(send);
 *   const answer = await ask(request);   // null: a newer request took its place
 *
 * One request is in flight and one waits; a newer one replaces the one that waits.
 */

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
