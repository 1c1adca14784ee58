/**
 * A page in a notebook's cell: the front end of grounding/runs/notebook.py, as anywidget wants it.
 *
 * The page is one document in a sandboxed frame with an origin of its own. Nothing is asked of a
 * server: the page and its files come from the kernel as custom messages, {id, file, offset} ->
 * {id, total} with a buffer, or {id, error}. The page opens ports: "files" for its worker, "address"
 * to tell its state, "selection" for the trait `selected`, both ways.
 */

import { askedBy } from "./files.js";

/** @typedef {import("./files.js").Reply} Reply */
/**
 * @typedef {object} Model what anywidget gives
 * @property {(name: string) => any} get
 * @property {(name: string, value: unknown) => void} set
 * @property {() => void} save_changes
 * @property {(content: unknown) => void} send
 * @property {(event: string, listener: (...values: any[]) => void) => void} on
 * @property {(event: string, listener: (...values: any[]) => void) => void} off
 */

const WAITING = "The kernel sends the page as soon as the cells that it runs have ended.";

/** @param {{model: Model, el: HTMLElement}} cell */
function render({ model, el }) {
  const files = askedBy((question) => model.send(question));
  /** @type {(() => void)[]} */
  const ends = [];
  /** @param {string} event @param {(...values: any[]) => void} listener */
  const listen = (event, listener) => {
    model.on(event, listener);
    ends.push(() => model.off(event, listener));
  };
  listen("msg:custom", (/** @type {Reply} */ reply, /** @type {(DataView | ArrayBuffer)[]} */ [part] = []) =>
    files.answer({ ...reply, bytes: part && copied(part) }),
  );

  const frame = document.createElement("iframe");
  frame.title = model.get("_title");
  frame.sandbox.add("allow-scripts", "allow-downloads");
  frame.style.cssText = "display: block; box-sizing: border-box; width: 100%; border: 1px solid #8886; border-radius: 4px";
  const size = () => (frame.style.height = `${model.get("height")}px`);
  size();
  listen("change:height", size);

  /** @type {MessagePort | null} */
  let selection = null;
  /** @type {unknown} what the page itself has selected */
  let own = null;
  const tellSelected = () => model.get("selected") !== own && selection?.postMessage(model.get("selected"));
  listen("change:selected", tellSelected);

  /** @type {Record<string, (port: MessagePort) => void>} */
  const opened = {
    files: (port) =>
      (port.onmessage = async ({ data: { id, file, offset } }) => {
        /** @type {Omit<Reply, "id">} */
        const part = await files.ask(file, offset).catch(({ message: error }) => ({ error }));
        port.postMessage({ id, ...part }, part.bytes ? [part.bytes.buffer] : []);
      }),
    // Notebooks take cells out of their page and put them back, and the frame is loaded again.
    address: (port) => (port.onmessage = ({ data }) => (frame.name = data)),
    selection(port) {
      [selection, own] = [port, null];
      tellSelected();
      port.onmessage = ({ data }) => {
        own = data;
        model.set("selected", data);
        model.save_changes();
      };
    },
  };
  /** @param {MessageEvent} event */
  const onPort = ({ source, data, ports }) => {
    if (source === frame.contentWindow && ports.length && Object.hasOwn(opened, data)) opened[data](ports[0]);
  };
  addEventListener("message", onPort);
  ends.push(() => removeEventListener("message", onPort));

  el.textContent = WAITING;
  void show();
  async function show() {
    try {
      /** @type {BlobPart[]} */
      const page = [];
      for await (const part of (await files.open(model.get("_page"))).parts) page.push(part);
      frame.name = `${model.get("_search")}&theme=${themeAround(el)}`;
      frame.srcdoc = await new Blob(page).text();
      el.replaceChildren(frame);
    } catch (error) {
      el.textContent = String(error instanceof Error ? error.message : error);
    }
  }
  return () => ends.forEach((end) => end());
}

/** A copy that can be given away: a part may lie in a buffer with others. @param {DataView | ArrayBuffer} part */
function copied(part) {
  return part instanceof ArrayBuffer
    ? new Uint8Array(part.slice(0))
    : new Uint8Array(/** @type {ArrayBuffer} */ (part.buffer), part.byteOffset, part.byteLength).slice();
}

/** Every notebook says light and dark in its own way; text that can be read tells. @param {HTMLElement} el */
function themeAround(el) {
  const shades = getComputedStyle(el).color.match(/[\d.]+/g)?.slice(0, 3).map(Number) ?? [];
  if (shades.length < 3) return "auto";
  return shades[0] + shades[1] + shades[2] > 1.5 * 255 ? "dark" : "light";
}

export default { render };
