// The state machine: when a connection counts as lost, what is done then, and what never is.
import assert from "node:assert/strict";
import { test } from "node:test";
import { LOST, start, step, SUSPECT } from "./reconnect.js";

const MINUTE = 60e3;
const HOUR = 60 * MINUTE;
const NOW = 1.8e12;
const one = { kernel: "k1", vm: "vm1" };
const look = (offer, changes = {}) => ({ what: "look", offer, act: true, present: false, unsaved: false, ...changes });

// A machine and its clock: `does` are the presses and reloads, with the minutes since NOW at which they came.
function machine(known = {}) {
  const it = { state: start(NOW, known), now: NOW, moves: [], does: [] };
  it.on = (event, ms = 0) => {
    it.now += ms;
    const { state, actions } = step(it.state, event, it.now);
    it.state = state;
    for (const action of actions) {
      if (action.do === "moved") it.moves.push(`${action.from} → ${action.to}: ${action.why}`);
      else it.does.push([action.do, Math.round((it.now - NOW) / 600) / 100]);
    }
    return it;
  };
  it.every = (ms, times, event) => {
    for (let n = 0; n < times; n++) it.on(event, ms);
    return it;
  };
  return it;
}
const connected = (known) => machine(known).on({ what: "heard", session: one });

test("silence makes a connection suspect, then lost, and a word brings it back", () => {
  const it = connected().every(MINUTE, 6, { what: "tick" });
  assert.deepEqual(it.moves.slice(1), [
    "connected → suspect: nothing heard for 180 s",
    "suspect → lost: nothing heard for 300 s",
  ]);
  it.on({ what: "heard", session: one });
  assert.equal(it.moves.at(-1), "lost → connected: same kernel");
});

test("the bounds of silence are so many intervals, whatever the interval", () => {
  for (const interval of [1e3, MINUTE]) {
    const it = connected({ interval });
    it.every(interval / 10, SUSPECT * 10 - 1, { what: "tick" });
    assert.equal(it.state.name, "connected");
    assert.equal(it.on({ what: "tick" }, interval / 10).state.name, "suspect");
    it.every(interval / 10, (LOST - SUSPECT) * 10 - 1, { what: "tick" });
    assert.equal(it.state.name, "suspect");
    assert.equal(it.on({ what: "tick" }, interval / 10).state.name, "lost");
  }
});

test("a machine that slept, or whose clock was put back, has missed nothing", () => {
  const it = connected().on({ what: "tick" }, 9 * HOUR).on({ what: "tick" }, -2 * HOUR);
  assert.equal(it.state.name, "connected");
});

test("ids tell the same kernel from a new one, and from a new VM", () => {
  const it = connected();
  it.on({ what: "heard", session: one }).on({ what: "heard", session: { ...one, kernel: "k2" } });
  it.on({ what: "heard", session: { kernel: "k3", vm: "vm2" } }).on({ what: "heard", session: null });
  assert.deepEqual(it.moves, [
    "waiting → connected: the kernel spoke",
    "connected → connected: new kernel",
    "connected → connected: new VM",
  ]);
});

test("a lost page is pressed at once, then ever more rarely", () => {
  const it = connected().every(5e3, (4 * HOUR) / 5e3, look("disconnected"));
  assert.deepEqual(it.moves.slice(1), [
    "connected → lost: the page is disconnected",
    "lost → reconnecting: pressed Reconnect",
  ]);
  const at = it.does.map(([what, minutes]) => (assert.equal(what, "press"), minutes));
  assert.ok(at[0] < 0.1);
  const waits = at.slice(1).map((minutes, n) => Number((minutes - at[n]).toFixed(1)));
  assert.deepEqual(waits.slice(0, 7), [0.5, 1, 2, 4, 8, 15, 15]);
  assert.ok(it.does.length <= 22);
});

test("nothing is pressed or loaded anew while it is not to act", () => {
  const it = connected({ mayReload: true }).every(MINUTE, 300, look("disconnected", { act: false }));
  assert.deepEqual(it.does, []);
  assert.equal(it.state.name, "lost");
  assert.deepEqual(it.on(look("disconnected")).does, [["press", 300]]);
});

test("a page that never was connected is left alone", () => {
  const it = machine().every(MINUTE, 60, look("disconnected")).every(MINUTE, 60, look("connecting"));
  assert.deepEqual([it.moves, it.does], [[], []]);
});

test("a runtime that went while its user was there is the user's to bring back", () => {
  const it = connected().on(look("disconnected", { present: true })).every(MINUTE, 300, look("disconnected"));
  assert.deepEqual(it.does, []);
  it.on(look("connected")).on(look("disconnected"), MINUTE);
  assert.equal(it.does.length, 1, "the next time, it is not");
});

test("only when presses fail is the page loaded anew, twice an hour at most", () => {
  const it = connected({ mayReload: true }).every(10e3, (3 * HOUR) / 10e3, look("disconnected"));
  assert.deepEqual(it.does.slice(0, 4).map(([what]) => what), ["press", "press", "press", "reload"]);
  const reloads = it.does.filter(([what]) => what === "reload").map(([, minutes]) => minutes);
  assert.ok(reloads.length >= 4);
  for (const at of reloads) assert.ok(reloads.filter((other) => other >= at && other - at < 59.9).length <= 2);
});

test("never with unsaved edits, and never where a reload would end the script", () => {
  for (const [known, changes] of [[{ mayReload: true }, { unsaved: true }], [{ mayReload: false }, {}]]) {
    const it = connected(known).every(10e3, (3 * HOUR) / 10e3, look("disconnected", changes));
    assert.ok(it.does.length > 5 && it.does.every(([what]) => what === "press"));
  }
});

test("what an earlier life of the page did within the hour counts", () => {
  const known = { name: "lost", session: one, reloads: [NOW - 5 * MINUTE, NOW - MINUTE], mayReload: true };
  const it = machine(known).every(10e3, (0.9 * HOUR) / 10e3, look("disconnected"));
  assert.ok(it.does.length > 5 && it.does.every(([what]) => what === "press"));
  it.on({ what: "heard", session: { kernel: "k2", vm: "vm2" } });
  assert.equal(it.moves.at(-1), "reconnecting → connected: new VM");
});

test("twelve hours of one connection leave the state as small as it was", () => {
  const it = connected();
  const size = JSON.stringify(it.state).length;
  for (let n = 0; n < 720; n++) it.on(look("connected"), MINUTE).on({ what: "heard", session: one }).on({ what: "tick" });
  assert.equal(it.moves.length, 1);
  assert.ok(JSON.stringify(it.state).length <= size + 2);
});
