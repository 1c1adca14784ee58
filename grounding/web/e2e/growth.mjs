/**
 * What a page holds in memory, and whether that grows.
 *
 *   const memory = await memoryOf(page);   before the page is loaded
 *   await memory()                  -> {objects, dom, buffers, heap, workerHeap, ..., nodes, listeners,
 *                                      documents, graphics}, after the garbage is collected: bytes, and how many
 *   slopeOf([[x, y], ...])          -> of the slopes of all pairs (Theil, 1950; Sen, 1968), not the median but what
 *                                      four fifths exceed: what comes once or twice and stays is no growth
 *   growthOf(samples)               -> [{name, perMinute, total}] of what grew; samples: [{minutes, ...memory()}]
 *
 * Only the second half of the samples is looked at: until then parts of a page are made that are made
 * once. `objects` is what scripts hold: objects, arrays, texts and functions of a snapshot; `dom` what the browser
 * holds for them, `buffers` the bytes of arrays; `graphics` counts buffers, textures and the like of WebGL. `heap` is
 * told, not judged: for minutes it grows by code that the browser compiles.
 */

/** What may come in a minute, and what in all: less than that says nothing. @type {Record<string, {perMinute: number, total: number}>} */
const LIMITS = {
  objects: { perMinute: 20e3, total: 20e3 },
  dom: { perMinute: 100e3, total: 150e3 },
  buffers: { perMinute: 200e3, total: 400e3 },
  workerHeap: { perMinute: 100e3, total: 150e3 },
  workerDom: { perMinute: 100e3, total: 150e3 },
  workerBuffers: { perMinute: 200e3, total: 400e3 },
  nodes: { perMinute: 10, total: 10 },
  listeners: { perMinute: 5, total: 5 },
  documents: { perMinute: 0.5, total: 0.5 },
  graphics: { perMinute: 5, total: 5 },
};

/** @typedef {Record<string, number>} Sample minutes since the start, and what memoryOf() tells */

/** @param {readonly (readonly [number, number])[]} points x differs in each @returns {number} */
export function slopeOf(points) {
  const slopes = points.flatMap(([x, y], i) => points.slice(i + 1).map(([x2, y2]) => (y2 - y) / (x2 - x))).sort((a, b) => a - b);
  return slopes[Math.floor(slopes.length / 5)] ?? 0;
}

/** @param {readonly Sample[]} samples */
export function growthOf(samples) {
  const late = samples.slice(samples.length >> 1);
  const passed = late[late.length - 1].minutes - late[0].minutes;
  return Object.entries(LIMITS)
    .map(([name, limit]) => {
      const perMinute = slopeOf(late.filter((one) => Number.isFinite(one[name])).map((one) => [one.minutes, one[name]]));
      return { name, perMinute, total: perMinute * passed, limit };
    })
    .filter(({ perMinute, total, limit }) => perMinute > limit.perMinute && total > limit.total);
}

/** In a page, before its own scripts: keeps count of what WebGL has made and has not given back. */
function countGraphics() {
  /** @type {Set<WeakRef<object>>} */
  const made = new Set();
  const deleted = new WeakSet();
  const prototype = /** @type {any} */ (WebGL2RenderingContext.prototype);
  for (const kind of ["Buffer", "Texture", "Program", "Shader", "VertexArray", "Framebuffer", "Renderbuffer"]) {
    const { [`create${kind}`]: create, [`delete${kind}`]: remove } = prototype;
    prototype[`create${kind}`] = function (/** @type {any[]} */ ...given) {
      const one = create.apply(this, given);
      if (one) made.add(new WeakRef(one));
      return one;
    };
    prototype[`delete${kind}`] = function (/** @type {any} */ one) {
      if (one) deleted.add(one);
      remove.call(this, one);
    };
  }
  Object.assign(window, {
    graphics() {
      for (const one of made) {
        const there = one.deref();
        if (!there || deleted.has(there)) made.delete(one);
      }
      return made.size;
    },
  });
}

/** @param {import("playwright-core").Page} page */
export async function memoryOf(page) {
  await page.addInitScript(countGraphics);
  const session = await page.context().newCDPSession(page);
  const workers = await workersOf(session);
  await session.send("Performance.enable");
  return async () => {
    // Twice: what was kept by something that waits to be finished goes with the second.
    for (let i = 0; i < 2; i++) {
      await session.send("HeapProfiler.collectGarbage");
      await workers("HeapProfiler.collectGarbage");
    }
    const objects = await objectsOf(session);
    const { metrics } = await session.send("Performance.getMetrics");
    const counts = Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
    const own = await session.send("Runtime.getHeapUsage");
    const theirs = await workers("Runtime.getHeapUsage");
    const sum = (/** @type {string} */ name) => theirs.reduce((all, one) => all + one[name], 0);
    return {
      objects,
      dom: own.embedderHeapUsedSize,
      buffers: own.backingStorageSize,
      heap: own.usedSize,
      workerHeap: sum("usedSize"),
      workerDom: sum("embedderHeapUsedSize"),
      workerBuffers: sum("backingStorageSize"),
      nodes: counts.Nodes,
      listeners: counts.JSEventListeners,
      documents: counts.Documents,
      graphics: /** @type {number} */ (await page.evaluate(() => /** @type {any} */ (window).graphics())),
    };
  };
}

/** What scripts have made, by the types of a snapshot of the heap. */
const MADE = ["object", "array", "string", "concatenated string", "sliced string", "closure", "number", "regexp", "bigint", "symbol"];

/** @param {import("playwright-core").CDPSession} session @returns {Promise<number>} bytes */
async function objectsOf(session) {
  /** @type {string[]} */
  const parts = [];
  const take = (/** @type {{chunk: string}} */ { chunk }) => parts.push(chunk);
  session.on("HeapProfiler.addHeapSnapshotChunk", take);
  await session.send("HeapProfiler.takeHeapSnapshot", { reportProgress: false });
  session.off("HeapProfiler.addHeapSnapshotChunk", take);
  const { snapshot, nodes } = JSON.parse(parts.join(""));
  /** @type {{node_fields: string[], node_types: string[][]}} */
  const { node_fields: fields, node_types: [types] } = snapshot.meta;
  const [type, size] = [fields.indexOf("type"), fields.indexOf("self_size")];
  let sum = 0;
  for (let at = 0; at < nodes.length; at += fields.length) if (MADE.includes(types[nodes[at + type]])) sum += nodes[at + size];
  return sum;
}

/**
 * Asks all workers of a page.
 * @param {import("playwright-core").CDPSession} session @returns {Promise<(method: string) => Promise<any[]>>}
 */
async function workersOf(session) {
  /** @type {Set<string>} */
  const open = new Set();
  /** @type {Map<number, (result: any) => void>} */
  const waiting = new Map();
  let asked = 0;
  session.on("Target.attachedToTarget", ({ sessionId, targetInfo }) => targetInfo.type === "worker" && open.add(sessionId));
  session.on("Target.detachedFromTarget", ({ sessionId }) => open.delete(sessionId));
  session.on("Target.receivedMessageFromTarget", ({ message }) => {
    const { id, result } = JSON.parse(message);
    waiting.get(id)?.(result);
    waiting.delete(id);
  });
  await session.send("Target.setAutoAttach", { autoAttach: true, waitForDebuggerOnStart: false, flatten: false });
  return (method) =>
    Promise.all(
      [...open].map(async (sessionId) => {
        // Other numbers than the browser's library gives to its own messages.
        const id = 1e6 + ++asked;
        const answer = new Promise((resolve) => waiting.set(id, resolve));
        await session.send("Target.sendMessageToTarget", { sessionId, message: JSON.stringify({ id, method }) });
        return answer;
      }),
    );
}
