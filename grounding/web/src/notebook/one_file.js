/**
 * What a page that is one file has in place of a notebook's cell: its files lie in it, packed, and its
 * state is what follows # in its address.
 *
 * The page's own modules are those for notebooks: they open ports by ports.js, to their parent, which
 * here is the page itself. A file is <script type="application/octet-stream" data-file="NAME">, base64;
 * with data-packed, of its gzip form. build.mjs makes this a script of its own, before that of the page.
 */

/** Of a part that is answered at once. */
const PART = 1 << 20;
/** @type {Map<string, Promise<Uint8Array<ArrayBuffer>>>} */
const opened = new Map();

/** @param {string} name @returns {Promise<Uint8Array<ArrayBuffer>>} */
async function open(name) {
  const node = [...document.querySelectorAll("script[data-file]")].find((one) => one instanceof HTMLElement && one.dataset.file === name);
  if (!(node instanceof HTMLElement)) throw new Error(`this page has no file ${name}`);
  const bytes = Uint8Array.from(atob(node.textContent ?? ""), (character) => character.charCodeAt(0));
  if (node.dataset.packed === undefined) return bytes;
  const content = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(content).arrayBuffer());
}

/** @param {MessagePort} port */
function giveFiles(port) {
  port.onmessage = async ({ data: { id, file, offset } }) => {
    try {
      if (!opened.has(file)) opened.set(file, open(file));
      const whole = await /** @type {Promise<Uint8Array<ArrayBuffer>>} */ (opened.get(file));
      const bytes = whole.slice(offset, offset + PART);
      if (offset + PART >= whole.length) opened.delete(file);
      port.postMessage({ id, total: whole.length, bytes }, [bytes.buffer]);
    } catch (error) {
      port.postMessage({ id, error: error instanceof Error ? error.message : String(error) });
    }
  };
}

/** @type {Record<string, (port: MessagePort) => void>} */
const ports = {
  files: giveFiles,
  address: (port) => (port.onmessage = ({ data }) => history.replaceState(null, "", `#${data.slice(1)}`)),
};
addEventListener("message", ({ source, data, ports: [port] }) => {
  if (source === window && port && typeof data === "string" && Object.hasOwn(ports, data)) ports[data](port);
});

const own = document.documentElement.dataset.search ?? "";
const given = new URLSearchParams(location.hash.slice(1));
const whole = new URLSearchParams(own);
for (const [name, value] of given) if (!whole.has(name)) whole.append(name, value);
window.name = `?${whole}`;
