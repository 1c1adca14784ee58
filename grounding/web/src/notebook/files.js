/**
 * Files that a kernel sends in parts.
 *
 *   const files = askedBy(send);         send({id, file, offset}) goes to the kernel
 *   files.answer({id, total, bytes})     what came back; or {id, error}, the kernel's line
 *   await files.ask(file, offset)        -> {total, bytes}, the part that begins there
 *   await files.open(file)               -> {total, parts}: of what size, and a generator of its parts
 *
 * Questions that the kernel refuses throw an Error with its line.
 */

/** @typedef {{id: string, file: string, offset: number}} Question */
/** @typedef {{total: number, bytes: Uint8Array<ArrayBuffer>}} Part */
/** @typedef {{id: string, error?: string} & Partial<Part>} Reply */

/** @param {(question: Question) => void} send */
export function askedBy(send) {
  /** @type {Map<string, {resolve: (part: Part) => void, reject: (error: Error) => void}>} */
  const waiting = new Map();

  /** @param {string} file @param {number} offset @returns {Promise<Part>} */
  const ask = (file, offset) =>
    new Promise((resolve, reject) => {
      // Every page of a widget hears every answer, also in another browser.
      const id = Math.random().toString(36).slice(2);
      waiting.set(id, { resolve, reject });
      send({ id, file, offset });
    });
  return {
    ask,
    /** @param {Reply} reply */
    answer({ id, total = 0, bytes = new Uint8Array(), error }) {
      const asked = waiting.get(id);
      waiting.delete(id);
      if (error === undefined) asked?.resolve({ total, bytes });
      else asked?.reject(new Error(error));
    },
    /** @param {string} file */
    async open(file) {
      const first = await ask(file, 0);
      return { total: first.total, parts: partsFrom(file, first) };
    },
  };

  /** @param {string} file @param {Part} first */
  async function* partsFrom(file, first) {
    yield first.bytes;
    for (let offset = first.bytes.length; offset < first.total; ) {
      const { bytes } = await ask(file, offset);
      if (!bytes.length) throw new Error(`${file} is cut off`);
      yield bytes;
      offset += bytes.length;
    }
  }
}
