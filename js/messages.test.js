// What comes by postMessage is believed by its type, and nothing else.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fromFrame, fromPage, MOVES_TOLD, session } from "./messages.js";

test("what is not ours is nothing", () => {
  for (const data of [undefined, null, 1, "frame", [], {}, { what: "frame" }, { colab_guard: 2, what: "frame" }]) {
    assert.equal(fromFrame(data), null);
    assert.equal(fromPage(data), null);
  }
  assert.equal(fromPage({ colab_guard: 1, what: "frame" }), null);
});

test("a field of another type is as if it were not there, and a long one is cut", () => {
  const wrong = { working: "yes", done: "3", heard: NaN, state: {}, cell: "c".repeat(9999), session: { kernel: 1 } };
  const frame = fromFrame({ colab_guard: 1, what: "frame", ...wrong });
  assert.deepEqual(
    { ...frame, cell: frame?.cell.length },
    { working: false, notify: false, done: 0, heard: 0, state: "", cell: 200, session: null },
  );
  const page = fromPage({ colab_guard: 1, what: "page", moved: Array(999).fill(null), presses: [], interacted: "now" });
  assert.equal(page?.moved.length, MOVES_TOLD);
  assert.deepEqual(page?.moved[0], { from: "", to: "", at: 0, why: "" });
  assert.deepEqual([page?.presses, page?.interacted], [0, null]);
});

test("a session has two ids", () => {
  assert.deepEqual(session({ kernel: "k", vm: "v", more: 1 }), { kernel: "k", vm: "v" });
  for (const value of [null, "k", { kernel: "k" }, { kernel: "", vm: "v" }]) assert.equal(session(value), null);
});
