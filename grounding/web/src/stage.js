/**
 * The stage of a page: cloud, controls, theme, settings and keys tied to the state in the address.
 *
 *   const stage = startStage(shell, address, {keys, fileName, only, onHover, onClick, onSelect,
 *       onTheme, onCamera, onDraw, onReset, onFlat});
 *   null when there is no WebGL 2: the panel that says so is shown.
 *   stage.cloud, stage.controls
 *   stage.theme                       "light" | "dark" now; onTheme(theme) tells of changes
 *   stage.settings                    of the side bar (ui/settings.js)
 *   stage.follow(state)               after back or forward: camera, size, glyphs and theme
 *   stage.goTo([x, y, z])             brings a place to the middle and near; at once with reduced motion
 *   stage.begin()                     all is there: the cloud turns, if the address says nothing of the view
 *   stage.fit(only)                   shows all points for which only(row) holds
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
import { lostView } from "./lost.js";
import { COMMON, FILES, LOOKS, defaultState } from "./state.js";
import { slowTurn } from "./turning.js";
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
 *   onReset?: () => void, onFlat?: (isFlat: boolean) => void}} StageOptions
 */

/** Whoever comes near sees so much of the cloud's width. */
const NEAR_SHARE = 0.3;
/** A double click comes nearer by this, each time. */
const NEARER = 0.6;
const NEAREST_SHARE = 0.02;
/** From a plane to three dimensions, in radians. */
const ASIDE = { turn: 0.5, tilt: 0.35 };
/** What an address may say, and the cloud turns all the same. */
const NO_VIEW = [...FILES, ...LOOKS, "size", "embed"];

/** @param {Shell} shell @param {Address} address @param {StageOptions} options */
export function startStage(shell, address, { keys = [], fileName, about, onTheme, onCamera, onDraw, onReset, onFlat, ...pointing }) {
  const { canvas, corners, panels, theme } = shell;
  const cloud = cloudOrPanel(canvas, panels, {
    onCamera(camera) {
      address.change({ camera: camera && cameraToVector(camera) });
      onCamera?.();
    },
    onDraw,
    onRest: () => lost?.look(),
    onFlat(isFlat) {
      settings?.setFlat(isFlat);
      onFlat?.(isFlat);
    },
  });
  if (!cloud) return null;
  const flights = flight(canvas, cloud);
  const showFront = () => flights.to(cloud.fitted(pointing.only?.()));
  const lost = lostView(shell.overlay, cloud, { only: pointing.only, onShow: showFront });
  /** @param {boolean} isFlat */
  const setFlat = (isFlat) => {
    if (isFlat === cloud.isFlat) return;
    address.change({ view: isFlat ? "2d" : "3d" });
    cloud.setDimensions(isFlat ? "2d" : "3d");
    cloud.setFlatness(isFlat ? 0 : 1);
    const goal = isFlat ? cloud.level() : { ...cloud.camera, turn: cloud.camera.turn + ASIDE.turn, tilt: ASIDE.tilt };
    flights.to(goal, (share) => cloud.setFlatness(isFlat ? share : 1 - share));
  };
  /** @param {readonly number[]} place @param {number} [nearer] */
  const approach = ([x, y, z], nearer = 1) => {
    const whole = cloud.fitted().distance;
    const { distance } = cloud.camera;
    const near = Math.min(distance, Math.max(NEAREST_SHARE * whole, Math.min(NEAR_SHARE * whole, nearer * distance)));
    flights.to({ ...cloud.camera, target: [x, y, z], distance: near });
  };
  const controls = attachControls(canvas, cloud, {
    ...pointing,
    onDouble: (row) => approach(cloud.place(row), NEARER),
    onFit: showFront,
    onFlat: setFlat,
  });
  const turning = slowTurn(canvas, cloud, { onStop: () => cloud.setCamera(cloud.camera) });

  /** @param {CommonState} state */
  function paint({ size, glyphs, names, pictures, density, theme: choice }) {
    cloud?.setStyle({ size, glyphs, names, pictures, density, theme: theme.current });
    theme.set(choice);
  }
  /** @param {CommonState} state */
  function follow(state) {
    const camera = cameraFromVector(state.camera);
    flights.stop();
    turning.stop();
    cloud?.setDimensions(state.view);
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
    onFit: showFront,
    onFlat: setFlat,
    onReset() {
      const { size, glyphs, names, pictures, density } = defaultState(COMMON);
      address.change({ size, glyphs, names, pictures, density, camera: null, view: "auto" });
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
  cloud.setDimensions(address.state.view);
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
    /** @param {(row: number) => boolean} only */
    fit(only) {
      flights.to(cloud.fitted(only));
    },
    /** @param {readonly number[]} place */
    goTo: (place) => approach(place),
    begin() {
      const isPlain = [...new URLSearchParams(location.search).keys()].every((name) => NO_VIEW.includes(name));
      // In a frame only where it stands for the whole page: not beside what somebody works on.
      if (isPlain && (self === top || address.state.embed)) turning.start();
      else turning.stop();
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
