/**
 * The stage of a page: cloud, controls, theme, settings and keys tied to the state in the address.
 *
 *   const stage = startStage(shell, address, {keys, fileName, only, onHover, onClick, onSelect,
 *       onTheme, onCamera, onDraw, onReset});
 *   null when there is no WebGL 2: the panel that says so is shown.
 *   stage.cloud, stage.controls
 *   stage.theme                       "light" | "dark" now; onTheme(theme) tells of changes
 *   stage.settings                    of the side bar (ui/settings.js)
 *   stage.follow(state)               after back or forward: camera, size, glyphs and theme
 *   stage.goTo([x, y, z])             brings a place to the middle; at once with reduced motion
 *   stage.showError(error), stage.showLoading(), stage.showNotice(text), stage.clear(): shell.panels
 *
 * shell: shell.js's; address: ui/address.js's. Listeners are those of cloud.js and controls.js;
 * `keys` are rows for the list of keys beyond those of the controls, `fileName` () => name of the
 * PNG without its end. Losing the graphics shows a panel until they come back.
 */

import { cameraFromVector, cameraToVector } from "./camera.js";
import { createCloud } from "./cloud.js";
import { KEYS, attachControls } from "./controls.js";
import { flight } from "./flight.js";
import { COMMON, defaultState } from "./state.js";
import { keysHelp } from "./ui/keys.js";
import { saveBlob } from "./ui/save.js";
import { viewSettings } from "./ui/settings.js";

/** @typedef {import("./colors.js").Theme} Theme */
/** @typedef {import("./shell.js").Shell} Shell */
/** @typedef {import("./state.js").CommonState} CommonState */
/** @typedef {import("./controls.js").ControlListeners} ControlListeners */
/**
 * @typedef {{title: string, legend: {name: string, color: string}[], file: string, experiment: string,
 *   checkpoint: string, flow: ((share: number) => void) | null}} About what is taken away with a picture: file is
 *   its address, flow(share) moves all points
 */

/**
 * @typedef {{state: CommonState, change: (changes: any) => void, slide: (changes: any) => void}} Address
 * @typedef {ControlListeners & {keys?: [keys: string, what: string][], fileName: () => string,
 *   about: () => About, onTheme?: (theme: Theme) => void, onCamera?: () => void, onDraw?: () => void,
 *   onReset?: () => void}} StageOptions
 */

/** @param {Shell} shell @param {Address} address @param {StageOptions} options */
export function startStage(shell, address, { keys = [], fileName, about, onTheme, onCamera, onDraw, onReset, ...pointing }) {
  const { canvas, corners, panels, theme } = shell;
  const cloud = cloudOrPanel(canvas, panels, {
    onCamera(camera) {
      address.change({ camera: camera && cameraToVector(camera) });
      onCamera?.();
    },
    onDraw,
  });
  if (!cloud) return null;
  const controls = attachControls(canvas, cloud, pointing);
  const flights = flight(canvas, cloud);

  /** @param {CommonState} state */
  function paint({ size, glyphs, theme: choice }) {
    cloud?.setStyle({ size, glyphs, theme: theme.current });
    theme.set(choice);
  }
  /** @param {CommonState} state */
  function follow(state) {
    const camera = cameraFromVector(state.camera);
    flights.stop();
    if (camera) cloud?.setCamera(camera);
    else if (address.state.camera === null) cloud?.resetCamera();
    settings.update(state);
    paint(state);
  }
  const settings = viewSettings(address.state, {
    onChange(changes) {
      address.slide(changes);
      paint(address.state);
    },
    onFit: () => flights.stop(cloud.fit),
    onReset() {
      const { size, glyphs } = defaultState(COMMON);
      address.change({ size, glyphs, camera: null });
      follow(address.state);
      onReset?.();
    },
    onTake: () => void take().catch(panels.showError),
    onSave: () => void cloud.png().then((blob) => saveBlob(blob, `${fileName()}.png`), panels.showError),
  });
  async function take() {
    const { openTake } = await import("./take/dialog.js");
    const keep = () => {
      const { camera } = address.state;
      return () => {
        address.change({ camera });
        follow(address.state);
      };
    };
    if (cloud) openTake({ cloud, theme: theme.current, fileName: fileName(), about: about(), keep });
  }
  theme.onChange = (next) => {
    cloud.setStyle({ theme: next });
    onTheme?.(next);
  };
  const help = keysHelp([...KEYS, ...keys]);
  corners.bottomRight.append(help.button);
  document.body.append(help.dialog);
  const camera = cameraFromVector(address.state.camera);
  if (camera) cloud.setCamera(camera);
  paint(address.state);
  return {
    ...panels,
    cloud,
    controls,
    settings,
    follow,
    get theme() {
      return theme.current;
    },
    /** @param {readonly number[]} place */
    goTo([x, y, z]) {
      flights.to({ ...cloud.camera, target: [x, y, z] });
    },
  };
}

/** @typedef {NonNullable<ReturnType<typeof startStage>>} Stage */

/**
 * @param {HTMLCanvasElement} canvas @param {Shell["panels"]} panels
 * @param {Parameters<typeof createCloud>[1]} listeners
 */
function cloudOrPanel(canvas, { showError, clear }, listeners) {
  try {
    return createCloud(canvas, { ...listeners, onLost: showError, onRestored: clear });
  } catch (error) {
    showError(error);
    return null;
  }
}
