// What the panel says, for states of the kernel's. How it looks and is pressed is seen in a browser: tests/browser.
import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { test } from "node:test";

process.env.TZ = "Europe/Berlin";
const { fraction, filled, moment, pace, portion, size, span, view } = await import("./panel.js");

const NOW = Date.UTC(2026, 10, 21, 13, 2, 31) / 1000; // 14:02:31 in Berlin
const nothing = () => {};
const seen = (changes = {}) => ({ now: NOW, asked: {}, state: {}, gone: null, silent: false, act: nothing, press: nothing, ...changes });
const spaced = (text) => text.replaceAll("\u00a0", " ");

// The words in a tree, those for screen readers left out.
function words(node) {
  if (typeof node !== "object") return String(node);
  if (/\bsr\b/.test(node.props.class)) return "";
  const inner = node.kids.map(words).join(["div", "dl"].includes(node.tag) ? "|" : "");
  return spaced(inner);
}
function* all(node) {
  if (typeof node !== "object") return;
  yield node;
  for (const kid of node.kids) yield* all(kid);
}
const found = (tree, test) => [...all(tree)].filter(test);
const shown = (state, ui = {}) => {
  const full = { v: 1, now: NOW, ...state };
  return view(full, seen({ state: full, ...ui }));
};
const verdict = { word: "Safe", tone: "safe", why: `a crash costs {age:${NOW - 12}}, losing the VM {age:${NOW - 100}}` };
const buttons = [{ do: "save", label: "Save now", state: "ready", why: "", main: true, confirm: null }];

test("the module is one file of less than 30 kB that loads nothing", () => {
  const file = new URL("panel.js", import.meta.url);
  assert.ok(statSync(file).size < 30000);
  assert.doesNotMatch(readFileSync(file, "utf8"), /\bimport\b|https?:(?!\/\/www\.w3\.org\/2000\/svg)|@font-face|url\(/);
});

test("spans of time as people say them", () => {
  const said = { "-3": "0 s", 0: "0 s", 59.9: "59 s", 60: "1 min", 100: "1 min 40 s", 540: "9 min", 3599: "59 min" };
  Object.assign(said, { 3600: "1 h", 15120: "4 h 12 min", 172800: "2 days" });
  for (const [seconds, text] of Object.entries(said)) assert.equal(spaced(span(+seconds)), text);
});

test("times of day are the browser's, and name the day where that is another one", () => {
  assert.equal(moment(NOW, NOW, true), "14:02:31");
  assert.equal(spaced(moment(NOW + 86400, NOW)), "tomorrow 14:02");
  assert.equal(spaced(moment(NOW - 86400, NOW)), "20 Nov 14:02");
  assert.equal(spaced(moment(NOW + 10 * 3600, NOW)), "tomorrow 00:02");
});

test("sizes: ours in powers of 1000, the meters' in powers of 1024, as the hosts have them", () => {
  assert.equal(spaced(size(412e6)), "412 MB");
  assert.equal(spaced(size(999.6e6)), "1.0 GB");
  assert.equal(size(null), "");
  assert.equal(spaced(filled(5.6 * 2 ** 30, 12.7 * 2 ** 30)), "5.6 of 12.7 GB");
  assert.equal(spaced(filled(43 * 2 ** 30, 113 * 2 ** 30)), "43 of 113 GB");
  assert.equal(spaced(portion(1.3e9, 8e9)), "1.3 of 8 GB");
  assert.equal(spaced(portion(960e6, 7.5e9)), "960 MB of 7.5 GB");
});

test("how far nested loops are: the outer ones' iterations are under way", () => {
  assert.equal(fraction([["epoch", 1, 2], ["batch", 5, 10]]), 0.25);
  assert.equal(fraction([["epoch", 50, 50], ["batch", 10, 10]]), 1);
  assert.equal(fraction([["epoch", 3, null], ["batch", 5, 10]]), null);
  assert.equal(fraction([]), null);
  assert.equal(spaced(pace(11.2)), "11.2 it/s");
  assert.equal(spaced(pace(0.25)), "4.0 s/it");
});

test("ages tick with the page's own clock, while the state stays as it was sent", () => {
  const saved = { at: NOW - 12, where: "local disk", bytes: 412e6, next: NOW + 48 };
  assert.match(words(shown({ verdict, saved })), /a crash costs 12 s, losing the VM 1 min 40 s\|.*Saved\|12 s ago · local disk · 412 MB\|next in 48 s/);
  const later = words(shown({ verdict, saved, age: { up: 10, limit: 43200 } }, { now: NOW + 60 }));
  assert.match(later, /a crash costs 1 min 12 s.*1 min 10 s of 12 h.*1 min 12 s ago .*next is due/);
});

test("a field that is null is passed over, and an empty state is no error", () => {
  const empty = { verdict, age: null, saved: null, durable: null, cell: null, gpus: null, ram: null, disk: null, notice: null, log: null };
  assert.equal(words(shown(empty)), "Safe|a crash costs 12 s, losing the VM 1 min 40 s|");
  assert.match(words(view({}, seen())), /^Starting/);
});

test("a state of a later version is not read as if it were known", () => {
  assert.match(words(shown({ verdict, v: 2 })), /^Another version\|reload the page/);
});

test("code in texts is code, and nothing in them is markup", () => {
  const tree = shown({ verdict: { word: "Safe", tone: "safe", why: "`train` <b>has</b> run" } });
  assert.deepEqual(found(tree, (node) => node.tag === "code").map(words), ["train"]);
  assert.match(words(tree), /<b>has<\/b>/);
});

test("the running cell: name, loops, rate, end", () => {
  const cell = { name: "train", running: true, guarded: true, loops: [["epoch", 7, 50], ["batch", 2846, 6989]], rate: 11.2, ends: NOW + 16649 };
  assert.match(words(shown({ verdict, cell })), /train\|\|epoch 7 of 50\|\|batch 2,846 of 6,989 · 11\.2 it\/s\|ends about 18:40/);
  assert.match(words(shown({ verdict, cell: { ...cell, guarded: false } })), /not guarded/);
  assert.match(words(shown({ verdict, cell: { name: "cell [4]", running: true, guarded: false, loops: [] } })), /cell \[4\].*not guarded/);
});

test("RAM that gets short is said by its row's tone, a GPU that is full is at work", () => {
  const full = { used: 0.93, total: 1, spark: [] };
  const tree = shown({ verdict, ram: full, gpus: [{ ...full, name: "T4", torch: 0.5 }] });
  const row = (label) => found(tree, (node) => node.props.class?.startsWith("row") && words(node.kids[0]) === label)[0].props.class;
  assert.equal(row("RAM"), "row bad");
  assert.equal(row("GPU · T4").trim(), "row");
  assert.match(words(shown({ verdict, gpus: [] })), /GPU\|none here/);
});

test("without a kernel times stand still, as times of day, and no button can be pressed", () => {
  const saved = { at: NOW - 12, where: "local disk", bytes: 1, next: NOW + 9 };
  const tree = shown({ verdict, saved, buttons, age: { up: 1, limit: null } }, { gone: "No kernel" });
  assert.match(words(tree), /^No kernel\|as of .*14:02:31: Safe, a crash costs 12 s/);
  assert.match(words(tree), /at 14:02:19 · local disk/);
  assert.doesNotMatch(words(tree), /ago|next in/);
  assert.match(tree.props.class, /\bnone\b/);
  const [button] = found(tree, (node) => node.props.id === "do-save");
  assert.equal(button.props["aria-disabled"], "true");
  assert.equal(button.props.title, "there is no kernel");
});

test("a kernel that says nothing is not called safe; its ages go on", () => {
  const tree = shown({ verdict, saved: { at: NOW - 12, where: "local disk", bytes: 1 } }, { silent: 40 });
  assert.match(words(tree), /^No news\|from the kernel for 40 s.*12 s ago/);
  assert.match(tree.props.class, /\bnone\b/);
});

test("what a press waits for is said truthfully", () => {
  const asked = { save: { id: "p1", spec: buttons[0], at: NOW } };
  const said = (cell, presses = {}) => words(shown({ verdict, buttons, cell, presses }, { asked })).split("|").at(-2);
  const cell = { name: "x", loops: [] };
  assert.equal(said({ ...cell, running: true, guarded: true }), "Save now: waiting for the cell");
  assert.equal(said({ ...cell, running: true, guarded: false }), "Save now: queued until the cell ends");
  assert.equal(said(null), "Save now: sent");
  assert.equal(said(null, { p1: { state: "waiting", text: "at the next safe point" } }), "Save now: at the next safe point");
});

test("an answer stands where the last event does, for a while", () => {
  const log = { at: NOW - 30, text: "saved `train`" };
  const line = (now) => words(shown({ verdict, log }, { now, said: { text: "Save now: saved", at: NOW } })).split("|").at(-2);
  assert.equal(line(NOW + 5), "Save now: saved");
  assert.equal(line(NOW + 25), "14:02:01 saved train");
  const why = { text: `Why: ${"the RAM was full. ".repeat(20)}`, at: NOW };
  const [read] = found(shown({ verdict, log }, { now: NOW + 60, said: why }), (node) => node.props.class === "log whole");
  assert.match(words(read), /^Why: the RAM/, "a long one is shown whole, and as long as it takes to read");
});

test("the timeline holds the newest, deaths included, and can be gone along by one stop of Tab", () => {
  const shot = (n) => ({ id: `s${n}`, at: NOW - 100 + n, name: "train", where: `epoch ${n}`, bytes: 1, new: 1, variables: 2, durable: n < 12, died: n === 10, restore: "?" });
  const timeline = Array.from({ length: 14 }, (_, n) => shot(n));
  const tree = shown({ verdict, timeline });
  const dots = found(tree, (node) => /\bdot\b/.test(node.props.class));
  assert.equal(dots.length, 9);
  assert.equal(found(tree, (node) => node.props.class === "died").length, 1);
  assert.match(words(tree), /5 older/);
  assert.deepEqual(dots.map((dot) => dot.props.tabindex), [-1, -1, -1, -1, -1, -1, -1, -1, 0]);
  assert.match(dots.at(-1).props["aria-label"], /epoch 13 · on this machine only$/);
  const opened = words(shown({ verdict, timeline }, { open: "s2" }));
  assert.match(opened, /train · epoch 2.*2 variables · durable.*Restore….*Close/);
  const moves = [];
  const key = (name) => found(shown({ verdict, timeline }, { act: (to) => moves.push(to) }), (node) => node.props.tabindex === 0)[0].props.onkeydown({ key: name, preventDefault: nothing });
  ["ArrowLeft", "ArrowRight", "x"].forEach(key);
  assert.deepEqual(moves, [{ at: "s12", focus: "shot-s12" }]);
});

test("progress: share, rate and time left; without a total what is done", () => {
  const progress = [{ what: "Upload", done: 162e6, total: 412e6, unit: "bytes", rate: 11e6, eta: 23 }, { what: "Replay", done: 1200, total: null, unit: "batches" }];
  assert.match(words(shown({ verdict, progress })), /Upload\|.*\|39 % · 11\.0 MB\/s · 23 s left\|.*Replay\|1,200 batches/);
});

test("a sweep: how far it is, and its items, those that failed in their colour", () => {
  const jobs = { name: "zoo", text: "1 of 3 done, 1 failed (b)", rows: [["a", "accuracy 0.9", "4 min", ""], ["b", "ValueError: `x` {age:5}", "2 s", "bad"], ["c", "waiting", "", ""]] };
  const tree = shown({ verdict, jobs });
  assert.match(words(tree), /zoo\|1 of 3 done, 1 failed \(b\)a\|accuracy 0\.9\|4 min\|b\|ValueError: `x` \{age:5\}\|2 s\|c\|waiting/);
  assert.deepEqual(found(tree, (node) => /^row bad/.test(node.props.class)).map((node) => node.props.key), ["b"]);
});

test("how the last session ended: in words, with a way on", () => {
  const ram = [[NOW - 3600, 6, 12], [NOW - 60, 12, 12]];
  const notice = { ram, resume: "train · epoch 12", lost: "38 s lost", buttons: [{ ...buttons[0], do: "why", label: "Why" }] };
  const tree = shown({ verdict: { word: "Last session ended", tone: "bad", why: "RAM, {clock:" + (NOW - 60) + "}" }, notice, buttons });
  assert.match(words(tree), /^Last session ended\|RAM, 14:01\|.*Resume\|train · epoch 12\|38 s lost.*Why\|?Save now/);
  assert.equal(found(tree, (node) => node.props.class === "plot").length, 1);
});
