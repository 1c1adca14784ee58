/**
 * The playground page: starts the worker, which downloads and starts both models, before three.js
 * is read; then hands over to playground/main.js.
 */

import { startClient } from "../client.js";
import { PageError } from "../errors.js";
import { showWelcome } from "../playground/welcome.js";
import { startShell } from "../shell.js";
import { PLAYGROUND } from "../state.js";
import { followAddress } from "../ui/address.js";

/** @typedef {import("../state.js").PlaygroundState} PlaygroundState */
/** @typedef {import("../playground/main.js").Playground} Playground */

/** @type {{ready: Playground | null}} */
const playground = { ready: null };
performance.mark("script");
const address = followAddress(PLAYGROUND, (/** @type {PlaygroundState} */ state) => playground.ready?.follow(state));
const { assets, encoder, decoder } = address.state;

/** @param {import("../shell.js").Shell} shell @param {string[]} missing */
function refuse(shell, missing) {
  const message = `The address does not say where to find: ${missing.join(", ")}.`;
  const next = `Add ${missing.map((name) => `${name}=/artifacts/…`).join("&")} to it.`;
  shell.stop("error", () => shell.panels.showError(new PageError("parameter", message, next)));
}

async function main() {
  const missing = Object.entries({ assets, encoder, decoder }).filter(([, url]) => !url).map(([name]) => name);
  if (missing.length) {
    const shell = startShell(address.state);
    return missing.length === 3 ? showWelcome(shell) : refuse(shell, missing);
  }
  /** @type {Partial<import("../client.js").Listeners>} */
  const listeners = {};
  /** @type {Float64Array | null} */
  let measured = null;
  const client = startClient({
    onProgress: (progress) => listeners.onProgress?.(progress),
    onNotice: (text) => listeners.onNotice?.(text),
    onMeasured: (own) => (playground.ready ? playground.ready.measured(own) : (measured = own)),
    onThumbnails: () => playground.ready?.thumbnails(),
    onBroken: (text, again) => listeners.onNotice?.(text, again),
    onCrash: (error) => listeners.onCrash?.(error),
  });
  const loads = { assets: client.loadAssets({ url: assets }), models: client.loadModels({ encoder, decoder }) };
  // Whatever fails is told where it is waited for, further down.
  for (const load of Object.values(loads)) load.catch(() => undefined);
  const code = import("../playground/main.js");
  const shell = startShell(address.state);
  // The models take longer than a file of points.
  const loading = shell.panels.showLoading(700);
  const { showNotice, showError } = shell.panels;
  Object.assign(listeners, { onProgress: loading.update, onNotice: showNotice, onCrash: showError });
  try {
    const { startPlayground } = await code;
    playground.ready = await startPlayground({ shell, address, client, loads, loading });
    if (measured) playground.ready.measured(measured);
  } catch (error) {
    client.stop();
    shell.stop("error", () => showError(error));
  }
}

void main();
