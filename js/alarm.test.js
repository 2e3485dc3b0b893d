// Beats keep their times. That an alarm rings in a hidden tab is seen in a browser: tests/browser.
import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { alarm, untilNext } from "./alarm.js";

test("beats keep the times that they began with, however late one was", () => {
  assert.equal(untilNext(1000, 60, 1000), 60);
  assert.equal(untilNext(1000, 60, 1059), 1);
  assert.equal(untilNext(1000, 60, 1060), 60);
  assert.equal(untilNext(1000, 60, 1060 + 600 + 7), 53, "those that were slept through are not made up for");
  assert.equal(untilNext(1000, 60, 10), 60, "nor does a clock that is put back stop them");
});

test("an alarm without workers rings once for each set, and not when it was silenced", () => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  let rings = 0;
  const bell = alarm(() => (rings += 1));
  bell.set(100);
  bell.set(200);
  mock.timers.tick(150);
  assert.equal(rings, 0);
  mock.timers.tick(1000);
  assert.equal(rings, 1);
  bell.set(100);
  bell.set(null);
  mock.timers.tick(1000);
  bell.set(100);
  bell.stop();
  mock.timers.tick(1000);
  assert.equal(rings, 1);
  mock.timers.reset();
});
