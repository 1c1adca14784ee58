/**
 * The viewer page. What needs no graphics starts here, so that the file is under way before three.js
 * is read; viewer/view.js does the rest.
 */

import { background } from "../colors.js";
import { startClient } from "../client.js";
import { openContext } from "../scene/context.js";
import { startShell } from "../shell.js";
import { VIEWER } from "../state.js";
import { followAddress } from "../ui/address.js";
import { welcome } from "../viewer/welcome.js";

/** @typedef {import("../state.js").ViewerState} ViewerState */

performance.mark("script");

/** @type {{current: import("../viewer/view.js").View | import("../compare/view.js").Comparison | null}} */
const view = { current: null };
const address = followAddress(VIEWER, (/** @type {ViewerState} */ state) => view.current?.follow(state));

/** The index asks for two runs with two boxes of one name. */
function takeTicked() {
  const [, second, ...more] = new URLSearchParams(location.search).getAll("data");
  if (second) address.change({ other: second });
  return more.length;
}

/** Until three.js is there: an opaque canvas is black. @param {HTMLCanvasElement} canvas @param {import("../colors.js").Theme} theme */
function clearStage(canvas, theme) {
  const context = openContext(canvas);
  const [r, g, b] = background(theme);
  context?.clearColor(r / 255, g / 255, b / 255, 1);
  context?.clear(context.COLOR_BUFFER_BIT);
}

async function main() {
  const left = takeTicked();
  const { data, other } = address.state;
  if (!data) {
    const shell = startShell(address.state);
    return shell.stop("empty", () => shell.panels.showWelcome("Nothing to show yet", ...welcome()));
  }
  if (other) {
    const { startComparison } = await import("../compare/view.js");
    view.current = await startComparison(address, left);
    return;
  }
  /** @type {import("../client.js").Listeners} */
  const listeners = {};
  const client = startClient({
    onProgress: (progress) => listeners.onProgress?.(progress),
    onNotice: (text) => listeners.onNotice?.(text),
    onBroken(text, again) {
      view.current?.progress?.({ what: "thumbnails", loaded: 0, total: 0 });
      listeners.onNotice?.(text, again);
    },
    onCrash: (error) => listeners.onCrash?.(error),
    onThumbnails: () => view.current?.refresh?.(),
  });
  const file = client.loadPoints({ url: data });
  // A file that fails is told where it is waited for.
  file.catch(() => undefined);
  // Asked for at once, it need not wait until the view's script asks for it.
  import("../scene/three.js").catch(() => undefined);
  const code = import("../viewer/view.js");
  const shell = startShell(address.state);
  const { showLoading, showNotice, showError } = shell.panels;
  const loading = showLoading();
  loading.update({ what: "points", loaded: 0, total: null });
  loading.update({ what: "graphics", loaded: 0, total: null });
  Object.assign(listeners, {
    onProgress: (/** @type {import("../messages.js").Progress} */ progress) =>
      view.current ? view.current.progress?.(progress) : loading.update(progress),
    onNotice: showNotice,
    onCrash: showError,
  });
  clearStage(shell.canvas, shell.theme.current);
  try {
    const { prepareView } = await code;
    loading.update({ what: "graphics", loaded: 1, total: 1 });
    const show = prepareView(shell, address, client);
    if (!show) return shell.stop("error");
    const points = await file;
    loading.done();
    view.current = show(points);
  } catch (error) {
    client.stop();
    shell.stop("error", () => showError(error));
  }
}

void main();
