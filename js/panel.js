// The status panel in the page, an anywidget; docs/panel.md is its contract.
//
// view(state, ui) is pure: a tree of what stands in the panel at one moment. patch() lays it over the DOM, so that only
// what changed is touched, and focus stays. Ages tick here: from timestamps, for timers slow down.

const SILENT_SECONDS = 25; // the kernel speaks every 10 s at the least,
const SILENT_IN_CELL_SECONDS = 75; // and every 30 s in a cell that lets no message through
const MEET_SECONDS = 5; // it answers a page that comes
const SAID_SECONDS = 20; // how long the answer to a press is shown, a long one longer
const LOOK_SECONDS = 30; // how often a visible view tells the kernel that it is still there
const DOTS = 10; // snapshots and deaths in the timeline: 24 px each are left of 280

// ---- figures as people say them ----

const whole = (number) => Math.round(number).toLocaleString("en-US");
const unbroken = (text) => text.replaceAll(" ", "\u00a0"); // a figure stays on one line with its unit

export function span(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  const [m, h] = [Math.floor(s / 60), Math.floor(s / 3600)];
  const both = (a, unit, b, small) => unbroken(`${a} ${unit}` + (b ? ` ${b} ${small}` : ""));
  if (s < 60) return both(s, "s");
  if (s < 3600) return both(m, "min", m < 10 && s % 60, "s");
  return h < 48 ? both(h, "h", m % 60, "min") : both(Math.floor(h / 24), "days", h % 24, "h");
}

// The time of day in the browser's zone, which the kernel does not know; with the day where it is another than `now`'s.
export function moment(at, now, seconds = false) {
  const date = new Date(at * 1000);
  const days = Math.round((new Date(date).setHours(0, 0, 0, 0) - new Date(now * 1000).setHours(0, 0, 0, 0)) / 864e5);
  const day = days === 1 ? "tomorrow" : date.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
  return (days ? unbroken(`${day} `) : "") + date.toLocaleTimeString("en-GB").slice(0, seconds ? 8 : 5);
}

// Snapshots in powers of 1000, as all our messages have them.
export function size(bytes) {
  if (bytes == null) return "";
  for (const unit of ["B", "kB", "MB", "GB"]) {
    if (bytes < 999.5 || unit === "GB") return unbroken(`${bytes.toFixed(unit === "B" || bytes >= 99.5 ? 0 : 1)} ${unit}`);
    bytes /= 1000;
  }
}

// Memory and disk in powers of 1024, called GB as the hosts' own meters do, so that the figures agree.
export function filled(used, total) {
  const gb = (bytes) => (bytes / 2 ** 30).toFixed(total < 99.5 * 2 ** 30 ? 1 : 0);
  return unbroken(`${gb(used)} of ${gb(total)} GB`);
}

// "1.3 of 8 GB": the unit once, where both have it.
export const portion = (bytes, total) =>
  unbroken(`${size(bytes)} of ${size(total)}`.replace(/\s(\w+) of (.+\1)$/, " of $2").replace(/\.0(\s\w+)$/, "$1"));

const place = ([name, index, total]) => unbroken(`${name} ${whole(index)}${total == null ? "" : ` of ${whole(total)}`}`);

// How much of nested loops is done: of each outer one the iteration `index` is under way. Null where a total is unknown.
export function fraction(loops) {
  let done = null;
  for (const [, index, total] of [...loops].reverse()) {
    if (!total) return null;
    done = (done === null ? index : index - 1 + done) / total;
  }
  return done === null ? null : Math.min(1, Math.max(0, done));
}

export const pace = (rate) => unbroken(rate >= 1 ? `${rate.toFixed(rate < 99.5 ? 1 : 0)} it/s` : `${(1 / rate).toFixed(1)} s/it`);

// ---- what stands in the panel ----

const h = (tag, props, ...kids) => ({ tag, props: props ?? {}, kids: kids.flat(3).filter((kid) => kid || kid === 0) });
const div = (name, ...kids) => h("div", { class: name, key: name }, ...kids);
const dim = (name, ...kids) => h("span", { class: name }, ...kids);
const group = (name, label, props, ...kids) => h("div", { class: name, role: "group", "aria-label": label, ...props }, ...kids);
const list = (...parts) => parts.filter(Boolean).join(" · ");

// Texts hold {age:T}, {in:T} and {clock:T}, T in seconds since 1970, and `code`.
const timed = (text, ui) =>
  String(text ?? "").replace(/\{(age|in|clock):(-?[\d.]+)\}/g, (_, what, at) =>
    what === "clock" ? moment(at, ui.now) : span(what === "age" ? ui.now - at : at - ui.now),
  );
const plain = (text, ui) => timed(text, ui).replaceAll("`", "");
export const rich = (text, ui) => timed(text, ui).split("`").map((part, n) => (n % 2 ? h("code", null, part) : part));

const ago = (at, ui) => (ui.gone ? `at ${moment(at, ui.now, true)}` : `${span(ui.now - at)}\u00a0ago`);
const next = (at, ui) => at && !ui.gone && (at - ui.now >= 1 ? `next in ${span(at - ui.now)}` : "next is due");
const row = (label, middle, right, kind = "text") =>
  h("div", { class: `row ${kind}`, key: label }, h("dt", null, label), h("dd", null, middle), h("dd", null, right));
// In a narrow panel, what follows the first stands on a line of its own.
const parts = (first, ...rest) => [first, rest.some(Boolean) && dim("rest", dim("", " · "), list(...rest))];
const rows = (...all) => all.flat().some(Boolean) && h("dl", null, ...all);

function bar(role, label, value, text, inner) {
  const fill = (part, pale) => h("i", { class: pale, style: { width: `${(100 * Math.min(1, Math.max(0, part))).toFixed(1)}%` } });
  const set = { role, "aria-label": label, "aria-valuenow": Math.round(100 * value), "aria-valuetext": text };
  return h("div", { class: "bar", ...set }, fill(value, inner === undefined ? "" : "pale"), inner !== undefined && fill(inner));
}

function spark(values) {
  if (!(values?.length > 1)) return h("svg", { class: "spark", "aria-hidden": "true" });
  const points = values.map((v, n) => `${((n * 92) / (values.length - 1)).toFixed(1)},${(16 - 14 * v).toFixed(1)}`);
  const [first, last] = [values[0], values.at(-1)].map((v) => `${Math.round(100 * v)} %`);
  const label = `ten minutes: from ${first} to ${last}`;
  return h("svg", { class: "spark", viewBox: "0 0 92 18", role: "img", "aria-label": label }, h("polyline", { points: points.join(" ") }));
}

function meter(label, { used, total, torch, spark: values }, old, [risk, bad] = [2, 2]) {
  const [text, full] = [filled(used, total), used / total];
  const title = torch == null ? "" : `torch holds ${filled(torch, total)}`;
  const inner = torch == null ? undefined : torch / total;
  const drawn = h("div", { class: "meter", title }, bar("meter", label, full, text, inner), old ? dim("spark older", old) : spark(values));
  return row(label, drawn, text, full >= bad ? "bad" : full >= risk ? "risk" : "");
}

function head({ verdict = { word: "Starting", why: "" }, age, now, v }, ui) {
  const up = age && !ui.gone && dim("age", span(age.up + ui.now - now), age.limit && ` of ${span(age.limit)}`);
  /** @type {any} */
  let [word, why] = [verdict.word, rich(verdict.why, ui)];
  if (v > 1) [word, why] = ["Another version", "reload the page to see this panel"];
  else if (ui.gone) [word, why] = [ui.gone, [`as of ${moment(now, Date.now() / 1000, true)}: ${word}`, verdict.why && ", ", why]];
  else if (ui.silent) [word, why] = ["No news", `from the kernel for ${span(ui.silent)}`];
  return div("head", h("strong", null, word), dim(/\{(age|in)/.test(verdict.why) ? "why ticks" : "why", why), up);
}

function cell(cell, ui) {
  if (!cell) return [];
  const { name, loops = [], running, guarded, rate, ends, warning } = cell;
  const [outer, ...inner] = loops.map(place);
  const done = fraction(loops);
  const until = ends && !ui.gone && `ends about ${moment(ends, ui.now)}`;
  const more = [...inner, rate && pace(rate), !guarded && "not guarded", !running && "not running"].filter(Boolean);
  return [
    done === null ? row(name, outer) : row(name, bar("progressbar", name, done, outer), outer, ""),
    (more[0] || until) && row("", parts(...more), until),
    warning && row("", rich(warning, ui), "", "risk wide"),
  ];
}

function channel({ name, state, text, at }, ui) {
  const sign = h("i", { "aria-hidden": "true" }, { ok: "●", warn: "▲" }[state] ?? "○");
  return dim(`chip ${state}`, sign, text ? rich(text, ui) : name, !text && at && `, ${ago(at, ui)}`);
}

const durability = (shot) => (shot.durable ? "durable" : "on this machine only");
// The second click of a double click may fall on what only then came to stand there.
const plainly = (id, label, act) => h("button", { id, key: id, onclick: (event) => event.detail > 1 || act() }, label);
const escape = (leave) => (event) => void (event.key === "Escape" && leave()); // false would hold back every other key

function timeline(shots, ui) {
  if (!shots?.length) return null;
  const all = shots.flatMap((shot) => (shot.died ? [shot, { death: shot.id }] : [shot]));
  const alive = all.slice(-DOTS).filter((one) => one.id);
  const current = alive.find((shot) => shot.id === ui.at) ?? alive.at(-1); // the one that Tab comes to
  const onkeydown = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault(); // which would scroll
    const to = alive[alive.indexOf(current) + step];
    if (to) ui.act({ at: to.id, focus: `shot-${to.id}` });
  };
  const dot = (shot) => {
    if (shot.death) return h("span", { class: "died", role: "img", "aria-label": "a session died here", key: shot.death }, "✕");
    const [id, open] = [`shot-${shot.id}`, ui.open === shot.id];
    const label = `Snapshot of ${moment(shot.at, ui.now, true)}, ${list(shot.name, shot.where, durability(shot))}`;
    const onclick = () => ui.act({ open: open ? null : shot.id, at: shot.id });
    const set = { "aria-expanded": open, "aria-label": label, title: label, tabindex: shot === current ? 0 : -1, onclick, onkeydown };
    return h("button", { class: `dot ${shot.durable ? "" : "here"} ${shot === alive.at(-1) ? "newest" : ""}`, key: id, id, ...set });
  };
  const older = shots.length > alive.length && dim("older", `${shots.length - alive.length} older`);
  const opened = shots.find((shot) => shot.id === ui.open);
  return div("timeline", group("line", "Snapshots, oldest first", null, older, all.slice(-DOTS).map(dot)), opened && detail(opened, ui));
}

function detail(shot, ui) {
  const close = () => ui.act({ open: null, focus: `shot-${shot.id}` });
  const spec = { do: "restore", label: "Restore", state: "ready", confirm: shot.restore };
  const restore = () => ui.press(spec, shot.id, "restore");
  const when = moment(shot.at, ui.now, true);
  const holds = list(size(shot.bytes), shot.new != null && `${size(shot.new)} new`, `${whole(shot.variables)} variables`);
  return group(
    "detail",
    `Snapshot of ${when}`,
    { onkeydown: escape(close) },
    h("p", null, h("b", null, list(when, shot.name, shot.where)), h("br"), list(holds, durability(shot))),
    div("buttons", shot.restore && !ui.gone && plainly("restore", "Restore…", restore), plainly("close", "Close", close)),
  );
}

// Stands in the place of the buttons; "No" has the focus.
function question({ spec, arg, back }, ui) {
  const no = () => ui.act({ question: null, focus: back });
  const yes = () => ui.press({ ...spec, confirm: null }, arg, back);
  const buttons = div("buttons", plainly("no", "No, leave it", no), plainly("yes", spec.label, yes));
  return group("question", spec.label, { onkeydown: escape(no) }, h("p", null, rich(spec.confirm, ui)), buttons);
}

// `ram` is [[t, used, total], …], up to a death.
function plot(ram) {
  if (!(ram?.length > 1)) return null;
  const [[from, first], [to, last, top]] = [ram[0], ram.at(-1)];
  const x = (t) => (4 + (428 * (t - from)) / Math.max(1, to - from)).toFixed(1);
  const y = (used) => (50 - (42 * used) / top).toFixed(1);
  const label = `RAM, the last ${span(to - from)}`;
  const aria = `${label}: from ${filled(first, top)} to ${filled(last, top)}`;
  const drawn = h(
    "svg",
    { class: "plot", viewBox: "0 0 440 56", role: "img", "aria-label": aria },
    h("line", { x1: 0, x2: 440, y1: 8, y2: 8 }),
    h("polyline", { points: ram.map(([at, used]) => `${x(at)},${y(used)}`).join(" ") }),
    h("path", { d: `M${+x(to) - 4} ${+y(last) - 6}l8 12m0 -12l-8 12` }),
  );
  return [drawn, h("p", { class: "caption" }, label)];
}

function progress({ what, done, total, unit, rate, eta }) {
  const amount = unit === "bytes" ? size : (number) => `${whole(number)} ${unit ?? ""}`.trim();
  const per = rate && `${amount(rate)}/s`;
  if (!total) return row(what, list(amount(done), per));
  const text = `${amount(done)} of ${amount(total)}`;
  const rest = list(`${Math.floor((100 * done) / total)} %`, per, eta != null && `${span(eta)} left`);
  return row(what, bar("progressbar", what, done / total, text), rest, "text took");
}

function button(spec, ui) {
  const state = ui.gone ? "off" : ui.asked[spec.do] ? "waiting" : spec.state;
  const reason = ui.gone ? "there is no kernel" : state === "waiting" ? waiting(spec, ui) : plain(spec.why, ui);
  // aria-disabled, not disabled: a button that is pressed keeps the focus.
  const set = { "aria-disabled": state === "ready" ? null : "true", title: reason, onclick: () => ui.press(spec) };
  const id = `do-${spec.do}`;
  return h("button", { class: `${spec.main ? "main" : ""} ${state}`, key: id, id, ...set }, spec.label, reason && dim("sr", `(${reason})`));
}

function waiting(spec, { asked, state }) {
  const answer = state.presses?.[asked[spec.do]?.id]?.text || spec.why;
  return answer || (!state.cell?.running ? "sent" : state.cell.guarded ? "waiting for the cell" : "queued until the cell ends");
}

// What the last press came to, while that is news; it stands in the last event's place, so that nothing moves.
function said(buttons, ui) {
  const under = !ui.gone && (Object.values(ui.asked).at(-1)?.spec ?? buttons.find((spec) => ["waiting", "busy"].includes(spec.state)));
  if (under) return `${under.label}: ${under.state === "busy" ? under.why || "under way" : waiting(under, ui)}`;
  return ui.said && ui.now - ui.said.at < SAID_SECONDS + ui.said.text.length / 4 ? ui.said.text : "";
}

export function view(state, ui) {
  const { saved, durable, jobs, gpus, ram, disk, channels, log, notice } = state;
  const buttons = [...(notice?.buttons ?? []), ...(state.buttons ?? [])];
  const answer = said(buttons, ui);
  const last = answer || (log && `${moment(log.at, ui.now, true)} ${log.text}`);
  const tone = ui.gone || ui.silent ? "none" : state.verdict?.tone;
  const old = state.quiet && `as of ${moment(state.now, ui.now)}`;
  const gpu = (gpu, n) => meter(`GPU${gpus.length > 1 ? ` ${n}` : ""} · ${gpu.name}`, gpu, old);
  const since = ({ at, where }, bytes) => parts(at ? ago(at, ui) : "nothing yet", where, bytes);
  const kept = durable && (durable.budget ? portion(durable.bytes, durable.budget) : size(durable.bytes));
  const note = (what, otherwise) => (what.note ? rich(what.note, ui) : otherwise);
  return group(
    `panel ${tone ?? "none"}`,
    "colab_guard",
    null,
    head(state, ui),
    plot(notice?.ram),
    rows(notice?.resume && row("Resume", rich(notice.resume, ui), rich(notice.lost, ui))),
    rows(
      saved && row("Saved", since(saved, size(saved.bytes)), note(saved, next(saved.next, ui))),
      durable && row("Durable", since(durable), note(durable, list(durable.at && `${durable.kept} kept`, kept))),
    ),
    rows(
      cell(state.cell, ui),
      jobs && row(jobs.name, h("details", null, h("summary", null, jobs.text), rows(jobs.rows.map((one) => row(...one)))), "", "wide"),
    ),
    rows(
      gpus?.map(gpu),
      gpus?.length === 0 && row("GPU", "none here"),
      ram && meter("RAM", ram, old, [0.85, 0.92]),
      disk && meter("Disk", disk, old, [0.9, 0.97]),
    ),
    rows(channels?.length && row("Alive", div("chips", channels.map((c) => channel(c, ui))), "", "wide")),
    timeline(state.timeline, ui),
    ui.question ? question(ui.question, ui) : buttons[0] && div("buttons", buttons.map((spec) => button(spec, ui))),
    (last || ui.said) && h("p", { class: answer.length > 99 ? "log whole" : "log", title: plain(last, ui) }, rich(last, ui)),
    rows(state.progress?.map(progress)),
    h("p", { class: "sr", role: "status", key: "status" }, list(ui.news, plain(answer, ui))),
  );
}

// ---- laying a view over the DOM ----

const SVG = /^(svg|polyline|line|path)$/;

function make({ tag, props }) {
  const node = SVG.test(tag) ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  node.cg = { tag, key: props.key, set: {} };
  return node;
}

function dress(node, props) {
  const before = node.cg.set;
  for (const name of new Set([...Object.keys(before), ...Object.keys(props)])) {
    const value = props[name];
    if (name === "key") continue;
    if (name.startsWith("on")) node[name] = value ?? null;
    else if (name === "style") Object.entries(value).forEach(([key, to]) => node.style[key] !== to && (node.style[key] = to));
    else if (value === before[name]) continue;
    else if (value === undefined || value === null || value === "") node.removeAttribute(name);
    else node.setAttribute(name, value);
  }
  node.cg.set = props;
}

export function patch(parent, kids) {
  const old = [...parent.childNodes];
  kids.forEach((kid, n) => {
    const text = typeof kid !== "object";
    const at = old.findIndex((node) => (text ? node.nodeType === 3 : node.cg?.tag === kid.tag && node.cg.key === kid.props.key));
    const node = at < 0 ? (text ? document.createTextNode("") : make(kid)) : old.splice(at, 1)[0];
    if (text && node.data !== String(kid)) node.data = kid;
    if (parent.childNodes[n] !== node) parent.insertBefore(node, parent.childNodes[n] ?? null);
    if (!text) dress(node, kid.props), patch(node, kid.kids);
  });
  old.forEach((node) => node.remove());
}

const STYLE = `
:host { display: block; container-type: inline-size; max-width: 640px; color-scheme: light;
  --ink: #1f2328; --dim: #59636e; --line: #d5dae0; --fill: #f3f5f7; --paper: #fff; --dot: #858d96; --bar: #4a7fc1; --mix: 11%;
  --safe: #167545; --saving: #2160a8; --risk: #8a5600; --bad: #b3261e; }
:host([dark]) { color-scheme: dark;
  --ink: #e4e7eb; --dim: #9aa4af; --line: #363b42; --fill: #24272c; --paper: #1b1d21; --dot: #7d8791; --bar: #6f9fda; --mix: 18%;
  --safe: #63c98f; --saving: #8ab8f0; --risk: #e7b25a; --bad: #f28b82; }
*, ::before { box-sizing: border-box; margin: 0; }
.panel { font: 13px/1.45 system-ui, sans-serif; font-variant-numeric: tabular-nums; text-align: left;
  color: var(--ink); background: var(--paper); border: 1px solid var(--line); border-radius: 8px; overflow: hidden; overflow-wrap: anywhere; }
.safe { --tone: var(--safe); } .saving { --tone: var(--saving); } .risk { --tone: var(--risk); --tint: #e9a83c; } .bad { --tone: var(--bad); --tint: #e8423a; }
.none { --tone: var(--dim); --ink: var(--dim); --bar: var(--dot); --safe: var(--dot); --risk: var(--dim); --bad: var(--dim); }
.head { display: flex; align-items: baseline; gap: 2px 8px; padding: 9px 12px; background: color-mix(in srgb, var(--tint, var(--tone)) var(--mix), var(--paper)); border-left: 4px solid var(--tone); }
.head strong { color: var(--tone); font-size: 15px; white-space: nowrap; }
.why { flex: 1; }
.age { white-space: nowrap; } .age, .older, .caption, .log { color: var(--dim); font-size: 12px; }
dl { display: grid; grid-template-columns: 76px 1fr auto; column-gap: 10px; padding: 4px 12px; }
dl + dl, dl + .timeline { border-top: 1px solid var(--line); }
.row { display: grid; grid-column: 1 / -1; grid-template-columns: subgrid; align-items: center; padding: 5px 0; }
dt { color: var(--dim); align-self: start; }
dd + dd { text-align: right; }
.row.risk, .row.bad { --bar: var(--tone); } .row.risk dd, .row.bad dd { color: var(--tone); }
dd dl { grid-template-columns: 30% 1fr auto; padding: 0; }
.wide > dd { grid-column: 2 / -1; } .wide > dd + dd { display: none; }
.took dd + dd { min-width: 23ch; }
.meter { display: grid; grid-template-columns: 1fr 92px; gap: 8px; align-items: center; }
.bar { height: 8px; border-radius: 4px; background: var(--fill); border: 1px solid var(--line); position: relative; overflow: hidden; }
.bar i { position: absolute; inset: 0 auto 0 0; background: var(--bar); }
.bar .pale { opacity: .45; }
svg { display: block; width: 100%; fill: none; stroke: var(--dot); }
.spark { height: 18px; }
.chips { display: flex; flex-wrap: wrap; gap: 0 12px; }
.chip i { font: 11px/1 sans-serif; margin-right: 5px; color: var(--dim); }
.ok i { color: var(--safe); } .warn i { color: var(--risk); }
.timeline { padding: 10px 12px 2px; }
.line { display: flex; align-items: center; height: 26px; position: relative; }
.line::before { content: ""; position: absolute; inset: 50% 0 auto; border-top: 1px solid var(--line); }
.line > * { flex: 0 1 48px; position: relative; }
.line .older { background: var(--paper); flex: none; padding-right: 6px; }
.died { color: var(--bad); text-align: center; font-weight: 700; }
.died::before { content: "died"; position: absolute; inset: -11px 0 auto; font: 10px sans-serif; color: var(--dim); }
.dot { min-width: 24px; height: 24px; padding: 0; border: 0; border-radius: 12px; background: none; cursor: pointer; }
.dot::before { content: ""; display: block; width: 8px; height: 8px; margin: auto; border-radius: 50%; border: 2px solid var(--dot); background: var(--dot); }
.dot.newest::before { width: 12px; height: 12px; border-color: var(--safe); background: var(--safe); }
.dot.here::before { background: var(--paper); }
.dot:hover::before, .dot[aria-expanded=true]::before { outline: 2px solid var(--bar); outline-offset: 2px; }
.detail { margin: 4px 0 8px; padding: 8px 10px 2px; background: var(--fill); border-radius: 6px; }
.detail .buttons { padding: 8px 0; }
.question p { padding: 7px 12px 0; }
code { font: 12px ui-monospace, monospace; background: var(--fill); padding: 1px 4px; border-radius: 3px; }
.plot { padding: 8px 12px 0; stroke-width: 2; }
.plot polyline { stroke: var(--bar); } .plot path { stroke: var(--bad); } .plot line { stroke: var(--bad); stroke-width: 1; stroke-dasharray: 4 3; }
.caption { padding: 0 12px; }
.buttons { display: flex; flex-wrap: wrap; gap: 6px; padding: 7px 12px 10px; }
.buttons button { font: inherit; color: var(--ink); background: var(--paper); border: 1px solid var(--line); border-radius: 6px; padding: 4px 10px; cursor: pointer; }
:host([dark]) .buttons button { background: var(--fill); }
.buttons button:hover { border-color: var(--dim); }
.buttons .main { border-color: var(--tone); color: var(--tone); font-weight: 600; }
.buttons [aria-disabled] { color: var(--dim); cursor: default; border-color: var(--line); } .buttons .waiting, .buttons .busy { border: 1px dashed var(--dim); }
button:focus-visible { outline: 2px solid var(--bar); outline-offset: 1px; }
.log { padding: 0 12px; margin: 0 0 9px; height: 17px; line-height: 17px; overflow: hidden; white-space: nowrap; text-overflow: ellipsis; }
.whole { height: auto !important; white-space: pre-line; }
.sr { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
@container (max-width: 420px) {
  .head { flex-wrap: wrap; justify-content: space-between; } .why { order: 3; flex: 1 0 100%; } .ticks { min-height: 2.9em; }
  dl { grid-template-columns: 62px 1fr auto; column-gap: 8px; }
  .text dd { grid-column: 2 / -1; text-align: left; } dd:empty, .rest span { display: none; } .rest { display: block; }
  .meter { grid-template-columns: 1fr; } .spark { display: none; }
  .took dd + dd { min-width: 0; } .log { white-space: normal; height: 34px; }
}
`;

// ---- in the page ----

// As the host says itself, else as what lies behind the panel, else (not in the page yet, too) as the system is.
export function dark(el) {
  const { body, documentElement: root } = document;
  if (body.dataset.jpThemeLight) return body.dataset.jpThemeLight === "false"; // JupyterLab, Notebook 7
  if (body.dataset.vscodeThemeKind) return /dark|contrast$/.test(body.dataset.vscodeThemeKind);
  if (root.hasAttribute("theme")) return root.getAttribute("theme") === "dark"; // Colab's output frames
  for (let node = el; node; node = node.parentElement) {
    const [red, green, blue, alpha = 1] = (getComputedStyle(node).backgroundColor.match(/[\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
    if (alpha > 0.5) return 0.3 * red + 0.6 * green + 0.1 * blue < 128;
  }
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

const random = () => Math.random().toString(36).slice(2, 10);

// Which kernel spoke last, of each notebook in the page: the panels of an older one learn so that it was restarted.
const [SPOKE, RESTARTED] = ["colab_guard.spoke", "Kernel restarted"];
const newest = (globalThis[Symbol.for(SPOKE)] ??= new WeakMap());
function speaks(notebook, { kernel, now }) {
  const known = newest.get(notebook);
  if (!kernel || known?.kernel === kernel || known?.now > now) return;
  newest.set(notebook, { kernel, now });
  document.dispatchEvent(new Event(SPOKE));
}

function render({ model, el }) {
  const host = el.appendChild(document.createElement("div"));
  host.setAttribute("data-lm-suppress-shortcuts", "true"); // JupyterLab: keys pressed here are the panel's
  host.addEventListener("keydown", (event) => event.ctrlKey || event.metaKey || event.altKey || event.stopPropagation()); // classic
  const shadow = host.attachShadow({ mode: "open" }); // the hosts' styles of p, code and button stay out
  shadow.appendChild(document.createElement("style")).textContent = STYLE;
  const root = shadow.appendChild(document.createElement("div"));

  const [me, notebook] = [random(), model.widget_manager ?? document];
  const seconds = () => Date.now() / 1000;
  const ui = { state: {}, asked: {}, act, press };
  let [heard, shown, looked, inView, timer] = [0, seconds(), 0, false, 0];

  function paint() {
    const at = seconds();
    const { running, guarded } = ui.state.cell ?? {};
    const patience = running && !guarded && !ui.gone ? SILENT_IN_CELL_SECONDS : ui.met ? SILENT_SECONDS : MEET_SECONDS;
    // An idle kernel is quiet until something happens, a press for one.
    const quiet = ui.state.quiet && heard >= shown && !Object.values(ui.asked).some((press) => at - press.at > MEET_SECONDS);
    const silent = !quiet && at - Math.max(heard, shown) > patience;
    if (silent && !ui.met && ui.gone !== RESTARTED) ui.gone = "No kernel";
    ui.now = (ui.state.now ?? 0) + (ui.gone ? 0 : at - heard);
    ui.silent = silent && !ui.gone && at - heard;
    patch(root, [view(ui.state, ui)]);
  }

  function act({ focus, ...changes }) {
    Object.assign(ui, changes);
    paint();
    if (focus) shadow.getElementById(focus)?.focus();
  }

  function press(spec, arg = null, back = `do-${spec.do}`) {
    if (ui.gone || ui.asked[spec.do] || spec.state !== "ready") return;
    if (spec.confirm) return act({ question: { spec, arg, back }, focus: "no" });
    const id = `${me}-${random()}`;
    ui.asked[spec.do] = { id, spec, at: seconds() };
    send({ do: spec.do, press: id, arg });
    act({ question: null, focus: ui.question && back });
  }

  function send(message) {
    try {
      model.send(message);
    } catch (error) {
      console.warn("colab_guard: no kernel", error);
    }
  }

  function hear() {
    const fresh = model.get("state") ?? {};
    const restarted = ui.state.kernel && fresh.kernel !== ui.state.kernel;
    Object.assign(ui, { state: fresh, gone: null });
    heard = seconds();
    for (const [what, { id, spec, at }] of Object.entries(ui.asked)) {
      const answer = fresh.presses?.[id];
      const silent = !answer && !fresh.cell?.running && heard - at > 10;
      const lost = restarted ? "not done: the kernel restarted" : silent && "did not reach the kernel; press again";
      if (!lost && (!answer || answer.state === "waiting")) continue;
      delete ui.asked[what];
      ui.said = { text: `${spec.label}: ${lost || answer.text || answer.state}`, at: fresh.now };
    }
    const { word, why } = fresh.verdict ?? {};
    if (word !== ui.word) Object.assign(ui, { word, news: `${word}: ${plain(why, fresh)}` });
    speaks(notebook, fresh);
    paint();
  }

  const meet = () => ((ui.met = true), hear());

  const lose = (gone) => act({ focus: null, gone, asked: {}, question: null });
  const restarted = () => lose(RESTARTED);
  const superseded = () => ui.state.kernel && newest.get(notebook)?.kernel !== ui.state.kernel && restarted();

  function sign(arg) {
    looked = seconds();
    send({ do: "view", view: me, arg });
  }

  function look() {
    const on = inView && document.visibilityState === "visible";
    if (on === timer > 0) return;
    sign(on);
    clearInterval(timer);
    timer = on ? setInterval(tick, 1000) : 0;
    if (!on) return;
    shown = seconds();
    recolour();
    paint();
  }

  function tick() {
    if (!ui.state.quiet && seconds() - looked > LOOK_SECONDS) sign(true);
    paint();
  }

  const recolour = () => host.toggleAttribute("dark", dark(host));

  recolour();
  hear();
  // What was saved with a notebook is old: it is shown as such until a kernel speaks.
  if (ui.state.now && shown - ui.state.now > MEET_SECONDS) lose("Connecting");

  const ends = new AbortController();
  const themes = new MutationObserver(recolour);
  for (const node of [document.documentElement, document.body]) themes.observe(node, { attributes: true });
  const views = new IntersectionObserver(([entry]) => ((inView = entry.isIntersecting), look()));
  views.observe(host);
  document.addEventListener("visibilitychange", look, ends);
  document.addEventListener(SPOKE, superseded, ends);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour, ends);
  model.on("change:state", meet);
  model.on("comm_live_update", restarted); // ipywidgets 8: the kernel was restarted under this model
  return () => {
    inView = false;
    look();
    ends.abort();
    model.off("change:state", meet);
    model.off("comm_live_update", restarted);
    themes.disconnect();
    views.disconnect();
    host.remove();
  };
}

export default { render };
