/**
 * Ways out of a page in a notebook's cell, which has no address and may ask no server.
 *
 *   openPort("files")   -> MessagePort to widget.js, which shows the page in a frame
 */

/** @param {"files" | "address" | "selection"} name @param {MessageChannel} [channel] its second end is sent */
export function openPort(name, { port1, port2 } = new MessageChannel()) {
  // The frame's own origin is opaque, and its parent's is not known to it.
  parent.postMessage(name, "*", [port2]);
  return port1;
}
