import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { MOST_STEPS, PLACES, readStory } from "../src/story/format.js";
import { ownStory } from "../src/story/own.js";
import { isBare } from "../src/story/story.js";
import { PLAYGROUND, readState } from "../src/state.js";

const reader = {
  canDraw: true,
  rowOf: (/** @type {string} */ key, /** @type {string} */ name) => (/^\d$/.test(name) ? (key === "digit" ? 10 : 100) + Number(name) : null),
};
const digits = { isDigits: true, hasLabels: true, latentDim: 32 };
const list = Array.from({ length: 10 }, (_, label) => ({ label, name: String(label), count: 5, rank: label }));

test("a step says a sentence, points to a control and sets the page", () => {
  const { title, steps, problems } = readStory(
    { title: "One", steps: [{ text: " Turn it. ", at: "rotation", set: { mode: "probe", digit: "6", rotation: 0 }, show: { rotation: 180 } }, { text: "Look." }] },
    reader,
  );
  assert.deepEqual(problems, []);
  assert.equal(title, "One");
  assert.deepEqual(steps, [
    { text: "Turn it.", at: "rotation", set: { mode: "probe", digit: 16, rotation: 0 }, show: { rotation: 180 } },
    { text: "Look.", at: "", set: {}, show: null },
  ]);
});

test("each wrong key and value is one sentence with its name, and the rest is there", () => {
  const { steps, problems } = readStory(
    {
      author: "me",
      steps: [
        { text: "A", colour: 1, at: "nowhere", set: { rotation: 500, speed: 3, assets: "/x.json", noise: 0.5, digit: "seven" } },
        { set: { rotation: 3 } },
        { text: "B", set: [1] },
      ],
    },
    reader,
  );
  assert.deepEqual(steps.map(({ text, set }) => [text, set]), [["A", { noise: 0.5 }], ["B", {}]]);
  for (const name of ["author", "colour", "nowhere", "“rotation”", "speed", "“assets”", "seven", "“text” of step 2"]) {
    assert(problems.some((line) => line.includes(name)), `${name} in ${problems.join(" ")}`);
  }
  assert(problems.length <= 8 && problems.every((line) => /^[^\n]{10,900}\.$/.test(line)), problems.join("\n"));
  assert.match(problems.find((line) => line.includes("“rotation”")) ?? "", /“set” of step 1 gives “rotation” the value 500; it takes a number from -180 to 180\./);
});

test("what is no story says so, and a long one is cut", () => {
  for (const value of [null, 3, [], { steps: {} }]) assert.match(readStory(value, reader).problems[0], /“steps”, a list/);
  assert.match(readStory({ steps: [] }, reader).problems[0], /No step/);
  const long = readStory({ steps: Array.from({ length: 50 }, () => ({ text: "x".repeat(500) })) }, reader);
  assert.equal(long.steps.length, MOST_STEPS);
  assert.equal(long.steps[0].text.length, 400);
});

test("the page's own story has eight steps without a problem, for digits and for any images", () => {
  const names = ["cat", "dog"].map((name, label) => ({ label, name, count: 5, rank: label }));
  const rowOf = (/** @type {string} */ _, /** @type {string} */ name) => (name.length ? 1 : null);
  for (const [story, canDraw] of /** @type {[unknown, boolean][]} */ ([
    [ownStory(digits, { list }, true), true],
    [ownStory({ isDigits: false, hasLabels: true, latentDim: 8 }, { list: names }, false), false],
    [ownStory({ isDigits: false, hasLabels: false, latentDim: 8 }, { list: [] }, false), false],
  ])) {
    const { steps, problems } = readStory(story, { canDraw, rowOf });
    assert.deepEqual(problems, []);
    assert.equal(steps.length, 8);
    assert(steps.every(({ at }) => at));
    const told = steps.map(({ text }) => text).join(" ");
    assert.equal(/draw /i.test(told.replaceAll("decoder draws", "")), canDraw, told);
    assert.equal(steps.some(({ set, show }) => set.source === "drawing" || show?.source === "drawing"), canDraw);
  }
  const [, , turn, , walk] = readStory(ownStory(digits, { list }, true), reader).steps;
  assert.match(turn.text, /Turn this 6 by 180 degrees/);
  assert.deepEqual([turn.set.digit, turn.show], [16, { rotation: 180 }]);
  assert.match(walk.text, /from a 3 to a 6/);
  assert.deepEqual([walk.set.from, walk.set.to], [103, 106]);
  assert.match(readStory(ownStory({ isDigits: false, hasLabels: true, latentDim: 8 }, { list: names }, false), { canDraw: false, rowOf }).steps[4].text, /from “cat” to “dog”/);
});

test("an address with a state of its own is no first visit", () => {
  assert(isBare(readState(PLAYGROUND, "assets=/a.json&encoder=/e&decoder=/d&theme=dark&step=3")));
  for (const own of ["rotation=3", "mode=flow", "camera=1_2_3_4_5_6", "dim=1"]) assert(!isBare(readState(PLAYGROUND, own)), own);
});

test("docs/stories.md names every place and every key, and its example is right", async () => {
  const text = await readFile(new URL("../../../docs/stories.md", import.meta.url), "utf8");
  for (const place of Object.keys(PLACES)) assert(text.includes(`\`${place}\``), place);
  for (const name of Object.keys(PLAYGROUND)) assert(text.includes(`\`${name}\``), name);
  const example = JSON.parse(/```json\n([\s\S]*?)```/.exec(text)?.[1] ?? "");
  assert.deepEqual(readStory(example, reader).problems, []);
});
