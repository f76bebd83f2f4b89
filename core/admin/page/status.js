// The status page: reads /status.json each second, and shows what changed between two readings.
"use strict";

const POINTS = 120;
const SITES = 12; // rows of the table
const PATIENCE_MS = 5000;
const STATES = [["idle", "e"], ["reading", "c"], ["waiting", "d"], ["writing", "a"], ["handshaking", "b"], ["closing", "f"]];
const history = [];
let before = null;

const byId = (id) => document.getElementById(id);
const sum = (list) => list.reduce((a, b) => a + b, 0);

// --- Numbers as text ---------------------------------------------------------------------------

function count(n) {
  if (n >= 1e9) return (n / 1e9).toFixed(2) + " G";
  if (n >= 1e6) return (n / 1e6).toFixed(2) + " M";
  if (n >= 1e5) return (n / 1e3).toFixed(0) + " k";
  return n >= 100 || Number.isInteger(n) ? Math.round(n).toLocaleString("en") : n.toFixed(1);
}

function size(n) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let i = 0;
  while (n >= 1024 && i < units.length - 1) { n /= 1024; i++; }
  return (i === 0 || n >= 100 ? Math.round(n) : n.toFixed(1)) + " " + units[i];
}

function duration(us) {
  if (us === null) return "–";
  if (us < 1000) return Math.round(us) + " µs";
  if (us < 1e6) return (us / 1000).toFixed(us < 1e4 ? 1 : 0) + " ms";
  return (us / 1e6).toFixed(us < 1e7 ? 1 : 0) + " s";
}

const percent = (part, all) => (all > 0 ? (100 * part / all).toFixed(part === all ? 0 : 1) + " %" : "–");

function age(s) {
  const days = Math.floor(s / 86400), hours = Math.floor(s / 3600) % 24, minutes = Math.floor(s / 60) % 60;
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${Math.floor(s) % 60} s` : `${Math.floor(s)} s`;
}

// --- What changed ------------------------------------------------------------------------------

// The duration that a part of the requests did not exceed; null: none came.
function quantile(bounds, counts, part) {
  const rank = sum(counts) * part;
  let below = 0;
  if (rank === 0) return null;
  for (let i = 0; i < bounds.length; i++) {
    if (counts[i] > 0 && below + counts[i] >= rank) {
      const first = i > 0 ? bounds[i - 1] : 0;
      return first + (bounds[i] - first) * (rank - below) / counts[i];
    }
    below += counts[i];
  }
  return bounds[bounds.length - 1];
}

// What a worker did between the readings A and B, which are SECONDS apart.
function change(a, b, seconds, bounds) {
  const rate = (get) => Math.max(0, get(b) - get(a)) / seconds;
  const durations = b.durations.map((n, i) => Math.max(0, n - a.durations[i]));
  return {
    requests: rate((w) => sum(Object.values(w.requests))),
    bytes: rate((w) => w.bytes),
    e4: rate((w) => w.requests["4xx"]),
    e5: rate((w) => w.requests["5xx"]),
    hits: rate((w) => w.cache.hits),
    misses: rate((w) => w.cache.misses),
    durations,
    p50: quantile(bounds, durations, 0.5),
    p99: quantile(bounds, durations, 0.99),
  };
}

// All workers as one.
function total(workers) {
  const add = (a, b) => {
    if (typeof a === "number") return a + b;
    if (Array.isArray(a)) return a.map((n, i) => n + b[i]);
    return Object.fromEntries(Object.keys(a).map((key) => [key, add(a[key], b[key])]));
  };
  return workers.reduce(add);
}

// --- Plots ------------------------------------------------------------------------------------

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 560, HEIGHT = 150, TALL = 170, LEFT = 52, BOTTOM = 16;

function element(parent, name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const key in attributes) made.setAttribute(key, attributes[key]);
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
}

// A round number that is not below N.
function ceiling(n) {
  if (n <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(n));
  return [1, 2, 5, 10].map((m) => m * power).find((m) => m >= n * 0.999);
}

// The same for bytes: round in its unit.
function ceilingOfBytes(n) {
  const unit = 1024 ** Math.floor(Math.log(Math.max(n, 1)) / Math.log(1024));
  return ceiling(n / unit) * unit;
}

function frame(figure, series, top, text) {
  let svg = figure.querySelector("svg");
  if (!svg) {
    const key = document.createElement("span");
    key.className = "key";
    for (const [name, color] of series) {
      const item = document.createElement("span"), mark = document.createElement("i");
      mark.className = "f" + color;
      item.append(mark, name);
      key.append(item);
    }
    figure.querySelector("figcaption").append(key);
    svg = element(figure, "svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" });
  }
  const width = Math.max(200, svg.clientWidth);
  svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
  svg.replaceChildren();
  for (const part of [0, 0.5, 1]) {
    const y = HEIGHT - BOTTOM - part * (HEIGHT - BOTTOM - 8);
    element(svg, "line", { x1: LEFT, x2: width, y1: y, y2: y, class: "grid" });
    element(svg, "text", { x: LEFT - 6, y: y + 4, "text-anchor": "end" }, text(top * part));
  }
  element(svg, "text", { x: LEFT, y: HEIGHT - 2 }, "2 min ago");
  element(svg, "text", { x: width, y: HEIGHT - 2, "text-anchor": "end" }, "now");
  return {
    svg,
    x: (i) => LEFT + (POINTS - history.length + i) * (width - LEFT) / (POINTS - 1),
    y: (value) => HEIGHT - BOTTOM - Math.min(1, value / top) * (HEIGHT - BOTTOM - 8),
  };
}

// Lines, each [name, color, get]. The axis reaches LEAST at least.
function plotLines(figure, series, text, least, round = ceiling) {
  const most = Math.max(least, ...history.flatMap((h) => series.map((s) => s[2](h) || 0)));
  const { svg, x, y } = frame(figure, series, round(most), text);
  for (const [, color, get] of series) {
    const points = history.map((h, i) => [i, get(h)]).filter((p) => p[1] !== null);
    const line = points.map(([i, value]) => `${x(i).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
    if (points.length > 0 && series.length === 1)
      element(svg, "polygon", { points: `${x(points[0][0])},${y(0)} ${line} ${x(points.at(-1)[0])},${y(0)}`, class: "f" + color });
    element(svg, "polyline", { points: line, class: color });
  }
}

// Areas on each other.
function plotStack(figure, series, text) {
  const most = Math.max(2, ...history.map((h) => sum(series.map((s) => s[2](h)))));
  const { svg, x, y } = frame(figure, series, ceiling(most), text);
  const base = history.map(() => 0);
  for (const [, color, get] of series) {
    const low = history.map((h, i) => `${x(i).toFixed(1)},${y(base[i]).toFixed(1)}`).reverse();
    history.forEach((h, i) => { base[i] += get(h); });
    const high = history.map((h, i) => `${x(i).toFixed(1)},${y(base[i]).toFixed(1)}`);
    element(svg, "polygon", { points: high.concat(low).join(" "), class: "stack f" + color });
  }
}

function plotHistogram(figure, bounds, counts) {
  let svg = figure.querySelector("svg") || element(figure, "svg", { role: "img" });
  const width = Math.max(200, svg.clientWidth), step = width / counts.length, most = Math.max(1, ...counts);
  svg.setAttribute("viewBox", `0 0 ${width} ${TALL}`);
  svg.replaceChildren();
  counts.forEach((n, i) => {
    const height = n > 0 ? Math.max(2, (TALL - 22) * n / most) : 0;
    const bar = element(svg, "rect", { x: i * step + 1, y: TALL - 18 - height, width: step - 2, height, rx: 2, class: "fa" });
    const name = i < bounds.length ? "up to " + duration(bounds[i]) : "more than " + duration(bounds.at(-1));
    element(bar, "title", {}, `${name}: ${n.toLocaleString("en")}`);
    if (i < bounds.length && [1, 4, 7, 10, 13, 16, 19].includes(i))
      element(svg, "text", { x: (i + 1) * step, y: TALL - 3, "text-anchor": "middle" }, duration(bounds[i]));
  });
  element(svg, "line", { x1: 0, x2: width, y1: TALL - 18, y2: TALL - 18, class: "grid" });
}

// --- The page ---------------------------------------------------------------------------------

function showTiles(status, now, all) {
  byId("t-requests").textContent = count(now.requests);
  byId("t-bytes").textContent = size(now.bytes);
  byId("t-p50").textContent = duration(now.p50);
  byId("t-p99").textContent = "p99 " + duration(now.p99);
  byId("t-open").textContent = count(sum(Object.values(all.connections)));
  byId("t-limit").textContent = "open, of " + count(status.connections_limit);
  byId("t-hits").textContent = percent(now.hits, now.hits + now.misses);
  byId("t-cache").textContent = `hits; ${size(all.cache.bytes)} used`;
  byId("t-errors").textContent = count(now.e4 + now.e5);
  byId("t-errors").className = now.e5 > 0 ? "bad" : "";
}

// Rows, each a list of texts.
function showTable(id, rows) {
  byId(id).tBodies[0].replaceChildren(...rows.map((cells) => {
    const row = document.createElement("tr");
    row.append(...cells.map((text, i) => Object.assign(document.createElement("td"),
      { textContent: text, className: i > 0 && ["0", "0 B", "–"].includes(text) ? "nil" : "" })));
    return row;
  }));
}

function showWorkers(status, changes) {
  showTable("workers", status.workers.map((w, i) => {
    const c = changes[i];
    return [w.worker, count(c.requests), size(c.bytes), duration(c.p50), duration(c.p99),
      count(sum(Object.values(w.connections))), count(w.connections.idle), count(w.connections.reading),
      count(w.connections.writing), percent(c.hits, c.hits + c.misses), count(c.e4), count(c.e5)];
  }));
}

// The busiest sites first, by what they do now, then by what they have done.
function showSites(status, seconds) {
  const former = new Map(before.sites.map((s) => [s.site, s]));
  const sites = status.sites.map((s) => {
    const then = former.get(s.site);
    const rate = (get) => Math.max(0, get(s) - (then ? get(then) : 0)) / seconds;
    const requests = (of) => sum(Object.values(of.requests));
    return { name: s.site, all: requests(s), bytes: s.body_bytes, requests: rate(requests), sent: rate((of) => of.body_bytes),
      e4: rate((of) => of.requests["4xx"]), e5: rate((of) => of.requests["5xx"]) };
  }).sort((a, b) => b.requests - a.requests || b.all - a.all || (a.name < b.name ? -1 : 1));
  byId("sites-card").hidden = sites.length === 0 || (sites.length === 1 && sites[0].name === "*");
  showTable("sites", sites.slice(0, SITES).map((s) =>
    [s.name, count(s.requests), size(s.sent), count(s.e4), count(s.e5), count(s.all), size(s.bytes)]));
  byId("sites-more").textContent = sites.length > SITES ? `and ${count(sites.length - SITES)} more in /metrics` : "";
}

// Names and texts in turn, as a list of terms.
function showList(id, facts) {
  byId(id).replaceChildren(...facts.flatMap(([name, text]) => [
    Object.assign(document.createElement("dt"), { textContent: name }),
    Object.assign(document.createElement("dd"), { textContent: text }),
  ]));
}

function showQuantiles(status, all) {
  const parts = [["Half took at most", 0.5], ["90 %", 0.9], ["99 %", 0.99], ["99.9 %", 0.999]];
  const facts = parts.map(([name, part]) => [name, duration(quantile(status.bounds_us, all.durations, part))]);
  const timed = sum(all.durations);
  showList("quantiles", [...facts, ["Mean", timed > 0 ? duration(all.duration_sum_us / timed) : "–"]]);
}

function showTotals(all) {
  const requests = sum(Object.values(all.requests));
  const facts = [
    ["Requests", count(requests)],
    ["2xx, 3xx", `${count(all.requests["2xx"])}, ${count(all.requests["3xx"])}`],
    ["4xx, 5xx", `${count(all.requests["4xx"])}, ${count(all.requests["5xx"])}`],
    ["Responses cut short", count(all.cut)],
    ["Bytes sent", size(all.bytes)],
    ["Connections accepted", count(all.accepted)],
    ["Connections refused", count(all.refused)],
    ["Timeouts", count(all.timeouts)],
    ["TLS 1.3, 1.2 handshakes", `${count(all.handshakes["tls1.3"])}, ${count(all.handshakes["tls1.2"])}`],
    ["TLS failed, abandoned", `${count(all.handshakes.failed)}, ${count(all.handshakes.abandoned)}`],
    ["Cache entries, evictions", `${count(all.cache.entries)}, ${count(all.cache.evictions)}`],
    ["Log lines dropped", count(all.log_lines_dropped)],
  ];
  showList("totals", facts);
}

function show(status) {
  const workers = status.workers.length, all = total(status.workers);
  byId("program").textContent = status.program;
  byId("facts").textContent = `Sluice ${status.version}, ${status.backend}, ${workers} worker${workers === 1 ? "" : "s"}, up ${age(status.now - status.started)}`;
  setState(status.draining ? "draining" : "ready");
  document.title = `${status.program} · Sluice`;
  showTotals(all);
  showQuantiles(status, all);
  plotHistogram(byId("p-histogram"), status.bounds_us, all.durations);
  if (before && before.started === status.started && before.workers.length === workers) {
    const seconds = Math.max(0.001, status.now - before.now);
    const now = change(total(before.workers), all, seconds, status.bounds_us);
    history.push({ ...now, connections: all.connections });
    if (history.length > POINTS) history.shift();
    showTiles(status, now, all);
    showWorkers(status, status.workers.map((w, i) => change(before.workers[i], w, seconds, status.bounds_us)));
    showSites(status, seconds);
    plotLines(byId("p-requests"), [["requests", "a", (h) => h.requests]], count, 10);
    plotLines(byId("p-latency"), [["median", "a", (h) => h.p50], ["p99", "b", (h) => h.p99]], duration, 100);
    plotLines(byId("p-bytes"), [["sent", "c", (h) => h.bytes]], size, 1024, ceilingOfBytes);
    plotStack(byId("p-open"), STATES.map(([name, color]) => [name, color, (h) => h.connections[name]]), count);
  }
  before = status;
}

function setState(state) {
  byId("state").textContent = state;
  byId("state").className = "badge " + state;
}

async function update() {
  try {
    const answer = await fetch("/status.json", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
    show(await answer.json());
  } catch {
    setState("lost");
  }
  setTimeout(update, 1000);
}

update();
