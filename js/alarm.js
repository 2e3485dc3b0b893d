// Rings when told to, in a hidden tab, too: there a page's own timers come once a minute, those of a Worker in time.
// Times are kept by timestamps, never by counting rings, for any timer may be late.

const WORKER = `let timer;
onmessage = ({ data }) => {
  clearTimeout(timer);
  if (data !== null) timer = setTimeout(postMessage, data, 0);
};`;

/**
 * An alarm that rings once for each `set`, which replaces an earlier one; `set(null)` silences it.
 * @param {() => void} ring
 */
export function alarm(ring) {
  /** @type {Worker | null} */
  let worker = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {number | null} */
  let due = null;
  const rung = () => {
    if (due === null) return;
    due = null;
    ring();
  };
  const slowly = () => {
    worker = null;
    if (due !== null) timer = setTimeout(rung, Math.max(0, due - Date.now()));
  };
  try {
    const url = URL.createObjectURL(new Blob([WORKER], { type: "text/javascript" }));
    worker = new Worker(url);
    worker.onmessage = rung;
    worker.onerror = slowly; // where a page's policy allows no such worker, this or the constructor says so
  } catch {
    worker = null;
  }
  return {
    /** @param {number | null} ms */
    set(ms) {
      due = ms === null ? null : Date.now() + ms;
      clearTimeout(timer);
      if (worker) worker.postMessage(ms);
      else slowly();
    },
    stop() {
      due = null;
      clearTimeout(timer);
      worker?.terminate();
    },
  };
}

/**
 * How long until the next of the times first, first + interval, …: beats keep their times, however late one was.
 * @param {number} first ms since 1970
 * @param {number} interval ms
 * @param {number} now
 */
export function untilNext(first, interval, now) {
  const gone = now - first;
  return gone < 0 ? Math.min(-gone, interval) : interval - (gone % interval);
}
