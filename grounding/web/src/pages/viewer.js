/**
 * The viewer page. What needs no graphics starts here, so that the file is under way before three.js
 * is read; viewer/view.js does the rest.
 */

import { startClient } from "../client.js";
import { startShell } from "../shell.js";
import { VIEWER } from "../state.js";
import { followAddress } from "../ui/address.js";
import { welcome } from "../viewer/welcome.js";

/** @typedef {import("../state.js").ViewerState} ViewerState */

performance.mark("script");

/** @type {{current: import("../viewer/view.js").View | null}} */
const view = { current: null };
const address = followAddress(VIEWER, (/** @type {ViewerState} */ state) => view.current?.follow(state));
const shell = startShell(address.state);

async function main() {
  const { data } = address.state;
  if (!data) return shell.stop("empty", () => shell.panels.showWelcome("Nothing to show yet", ...welcome()));
  const { showLoading, showNotice, showError } = shell.panels;
  const loading = showLoading();
  const client = startClient({
    onProgress: (progress) => (view.current ? view.current.progress(progress) : loading.update(progress)),
    onThumbnails: () => view.current?.refresh(),
    onNotice: showNotice,
    onCrash: showError,
  });
  const file = client.loadPoints({ url: data });
  // The graphics get ready while the file comes in; a file that fails is told further down.
  file.catch(() => undefined);
  const { prepareView } = await import("../viewer/view.js");
  const show = prepareView(shell, address, client);
  if (!show) return shell.stop("error");
  const points = await file;
  loading.done();
  view.current = show(points);
}

main().catch((error) => shell.stop("error", () => shell.panels.showError(error)));
