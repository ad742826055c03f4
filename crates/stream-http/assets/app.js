// The dashboard: shows what the public routes tell, and nothing else.
"use strict";

const KEPT_SECONDS = 300;
const KEPT_EVENTS = 200;
const POLL_MILLISECONDS = 2000;

const find = (id) => document.getElementById(id);
const format = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const clock = (seconds = Date.now() / 1000) => new Date(seconds * 1000).toLocaleTimeString("en-GB");

/** An element with text; what comes from outside is never taken for markup. */
function make(name, text, attributes = {}) {
  const element = document.createElement(name);
  element.textContent = text;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

// Access: a token is kept for this tab alone.

const token = () => sessionStorage.getItem("token") ?? "";

/** A route's address, beside this page, with the token where no header can be set. */
function address(path, query = {}) {
  const url = new URL(path, document.baseURI);
  for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value);
  if (token()) url.searchParams.set("access_token", token());
  return url;
}

async function ask(path, options = {}) {
  const headers = { accept: "application/json", ...(token() && { authorization: `Bearer ${token()}` }) };
  const response = await fetch(new URL(path, document.baseURI), { ...options, headers });
  if (response.status === 401 || response.status === 403) find("access").hidden = false;
  if (!response.ok) {
    const problem = await response.json().catch(() => ({}));
    throw new Error(problem.detail ?? problem.title ?? `${path}: ${response.status}`);
  }
  return response.json();
}

find("access").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("token", find("token").value.trim());
  location.reload();
});

// Trouble

const told = new Set();

function trouble(text) {
  if (told.has(text)) return;
  told.add(text);
  find("no-trouble").hidden = true;
  const item = make("li", text);
  item.prepend(make("time", clock()));
  find("trouble").prepend(item);
}

// Statistics

const series = { time: [], published: [], delivered: [], readers: [], sync: [] };
let before = null;

/** Bytes with the unit that leaves few digits. */
function bytes(count) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, count)) / 3));
  return `${format.format(count / 1000 ** power)} ${units[power]}`;
}

const sum = (object) => Object.values(object).reduce((left, right) => left + right, 0);

/** Never less than a minute: what the plot would take for a single point is a day. */
function lastMinutes(chart) {
  const [times] = chart.data;
  const end = times.at(-1) ?? Date.now() / 1000;
  return [Math.min(times[0] ?? end, end - 60), end];
}

function plot(id, lines) {
  const style = getComputedStyle(document.documentElement);
  const color = (name) => style.getPropertyValue(name).trim();
  const axis = { stroke: color("--soft"), grid: { stroke: color("--line"), width: 1 }, ticks: { show: false } };
  const options = {
    width: find(id).clientWidth, height: 160, cursor: { y: false }, legend: { show: lines.length > 1, live: false },
    axes: [{ ...axis, size: 28, values: (_, seconds) => seconds.map(clock) }, { ...axis, size: 46 }],
    scales: { x: { range: lastMinutes }, y: { range: (_, low, high) => [0, Math.max(1, high * 1.1)] } },
    series: [{}, ...lines.map(([label, name]) => ({ label, stroke: color(name), width: 2 }))],
  };
  const chart = new uPlot(options, [[], ...lines.map(() => [])], find(id));
  new ResizeObserver(() => chart.setSize({ width: find(id).clientWidth, height: 160 })).observe(find(id));
  return chart;
}

const rates = plot("rates", [["published", "--mill"], ["delivered", "--river"]]);
const connections = plot("connections", [["readers", "--river"]]);
const syncs = plot("syncs", [["sync", "--mill"]]);

function showStats(stats) {
  const now = Date.now() / 1000;
  const delivered = sum(stats.records_delivered);
  // This page is a reader too.
  const readers = Math.max(0, sum(stats.readers) - 1 - (tail ? 1 : 0) - (generation?.source ? 1 : 0));
  find("readers").value = format.format(readers);
  find("relays").value = format.format(stats.llm_relays);
  find("missed").value = format.format(sum(stats.records_missed));
  find("lag").value = format.format(stats.topic_lag);
  if (stats.requests_failed > 0) trouble("requests failed on the server's side; its log says why");
  if (stats.readers_let_go > 0) trouble("readers took nothing for too long, and were let go of; they may come back and miss nothing");
  if (sum(stats.records_missed) > 0) trouble(`readers were too slow, or came too late, for ${format.format(sum(stats.records_missed))} records`);
  if (stats.connections_refused > 0) trouble(`connections were refused ${format.format(stats.connections_refused)} times: there were as many as there may be`);
  if (before) {
    const seconds = Math.max(0.001, now - before.now);
    const published = Math.max(0, stats.events_published - before.published) / seconds;
    const rate = Math.max(0, delivered - before.delivered) / seconds;
    find("published").value = format.format(published);
    find("delivered").value = format.format(rate);
    const sync = showCommits(stats.storage, before.storage);
    for (const [name, value] of Object.entries({ time: now, published, delivered: rate, readers, sync })) {
      series[name].push(value);
      if (series[name].length > KEPT_SECONDS) series[name].shift();
    }
    rates.setData([series.time, series.published, series.delivered]);
    connections.setData([series.time, series.readers]);
    syncs.setData([series.time, series.sync]);
  }
  before = { now, published: stats.events_published, delivered, storage: stats.storage };
  showStorage(stats.storage);
}

/** How the log has committed since the last time: says how many milliseconds a sync took. */
function showCommits(storage, last) {
  if (storage.log_groups === undefined) return null;
  const groups = storage.log_groups - last.log_groups;
  const syncs = storage.log_sync_seconds.count - last.log_sync_seconds.count;
  if (groups > 0) find("group").value = format.format((storage.log_batches - last.log_batches) / groups);
  if (syncs <= 0) return null;
  const milliseconds = (1000 * (storage.log_sync_seconds.sum - last.log_sync_seconds.sum)) / syncs;
  find("sync").value = format.format(milliseconds);
  return milliseconds;
}

/** Everything else that the engine tells; what it counts for the plots is shown there. */
const SHOWN = ["log_groups", "log_batches", "log_sync_seconds"];

function showStorage(figures) {
  const isDisk = figures.log_groups !== undefined;
  find("commits").hidden = !isDisk;
  find("syncs").parentElement.hidden = !isDisk;
  const storage = Object.entries(figures).filter(([name]) => !SHOWN.includes(name));
  find("no-storage").hidden = storage.length > 0;
  find("storage").replaceChildren(...storage.map(([name, value]) => {
    const pair = document.createElement("div");
    const text = name.endsWith("_bytes") ? bytes(value) : format.format(value);
    pair.append(make("dt", name.replace("_bytes", "").replaceAll("_", " ")), make("dd", text));
    return pair;
  }));
}

/** Follows a topic's events; the browser reconnects, and goes on where it was. */
function follow(path, query, handlers) {
  const source = new EventSource(address(path, query));
  for (const [name, handle] of Object.entries(handlers)) source.addEventListener(name, handle);
  return source;
}

const stats = follow("topics/$sys.stats", {}, {
  open: () => state("live", "live"),
  message: (event) => showStats(JSON.parse(event.data)),
  // An event of the server has data; a lost connection has none.
  error: (event) => {
    if (event.data === undefined) state("lost", "the server is gone; trying again");
  },
});

function state(kind, text) {
  find("state").className = kind;
  find("state").textContent = text;
  if (kind === "lost") trouble("the connection to the server was lost");
}

// Topics

const tails = new Map();

async function showTopics() {
  const { topics } = await ask("topics?limit=200");
  const now = Date.now() / 1000;
  const rows = topics.filter((entry) => !entry.topic.startsWith("$")).map((entry) => {
    const last = tails.get(entry.topic) ?? { tail: entry.tail, now };
    const rate = now > last.now ? (entry.tail - last.tail) / (now - last.now) : 0;
    tails.set(entry.topic, { tail: entry.tail, now });
    const row = document.createElement("tr");
    const open = make("button", entry.topic);
    open.addEventListener("click", () => openTail(entry.topic));
    const name = document.createElement("td");
    name.append(open);
    const cells = [entry.tail, rate, entry.tail - entry.earliest, entry.readers, entry.lag];
    row.append(name, ...cells.map((value) => make("td", format.format(value))));
    return row;
  });
  replaceRows("topics", rows);
  find("no-topics").hidden = rows.length > 0;
}

/** Puts new rows in place without taking the focus from whoever uses the keyboard. */
function replaceRows(id, rows) {
  const focused = document.activeElement?.closest(`#${id}`) ? document.activeElement.textContent : null;
  find(id).replaceChildren(...rows);
  if (focused === null) return;
  [...find(id).querySelectorAll("button")].find((button) => button.textContent === focused)?.focus();
}

// The tail of one topic

let tail = null;
let waiting = [];

async function openTail(topic) {
  tail?.close();
  tail = null;
  waiting = [];
  find("events").replaceChildren();
  find("tail-topic").textContent = topic;
  find("tail").hidden = false;
  const show = (event) => showEvent(make("b", event.type === "message" ? "" : event.type), event.data);
  const notice = (event) => {
    if (event.data === undefined) return;
    showEvent(make("b", event.type, { class: "notice" }), event.data);
    if (event.type !== "error") trouble(`${topic}: ${event.type} ${event.data}`);
  };
  const path = `topics/${encodeURIComponent(topic)}`;
  // A long topic is shown from shortly before its end; one that is not there yet from its beginning.
  const page = await ask(`${path}?limit=1`).catch(() => ({ events: [], tail: 0 }));
  const from = Math.max(page.events[0]?.offset ?? page.tail, page.tail - KEPT_EVENTS);
  if (find("tail-topic").textContent !== topic) return;
  tail?.close();
  tail = follow(path, { from }, {
    message: show, connect: show, disconnect: show,
    error: notice, trimmed: notice, damaged: notice, "epoch-changed": notice,
  });
}

function showEvent(kind, data) {
  const item = make("li", data);
  item.prepend(make("time", clock()), kind);
  waiting.push(item);
  if (waiting.length > KEPT_EVENTS) waiting.shift();
  if (!isPaused()) drawEvents();
  else find("tail-state").textContent = `${waiting.length} waiting`;
}

const isPaused = () => find("pause").getAttribute("aria-pressed") === "true";

function drawEvents() {
  const list = find("events");
  list.prepend(...waiting.reverse());
  waiting = [];
  while (list.children.length > KEPT_EVENTS) list.lastChild.remove();
  find("tail-state").textContent = "";
  applyNeedle();
}

function applyNeedle() {
  const needle = find("needle").value.toLowerCase();
  for (const item of find("events").children) {
    item.hidden = !item.textContent.toLowerCase().includes(needle);
  }
}

find("needle").addEventListener("input", applyNeedle);
find("pause").addEventListener("click", () => {
  find("pause").setAttribute("aria-pressed", String(!isPaused()));
  find("pause").textContent = isPaused() ? "Go on" : "Pause";
  if (!isPaused()) drawEvents();
});
find("close-tail").addEventListener("click", () => {
  tail?.close();
  tail = null;
  find("tail").hidden = true;
});

// LLM streams

let generation = null;

async function showRelays() {
  const { relays } = await ask("llm?limit=200");
  replaceRows("llm", relays.map((relay) => {
    const row = document.createElement("tr");
    const open = make("button", relay.id);
    open.addEventListener("click", () => openGeneration(relay.id));
    const name = document.createElement("td");
    name.append(open);
    row.append(name, make("td", format.format(relay.events)), make("td", relay.ended ? "ended" : "running"));
    return row;
  }));
  find("no-llm").hidden = relays.length > 0;
}

function openGeneration(id) {
  generation?.source?.close();
  generation = { id, last: "", opened: performance.now(), first: null, deltas: 0, source: null };
  find("generation").hidden = false;
  find("generation-id").textContent = id;
  find("text").textContent = "";
  find("generation-stats").textContent = "";
  readOn();
}

/** Reads the stream from where it was left: what the button `Resume` shows. */
function readOn() {
  const current = generation;
  const query = current.last ? { lastEventId: current.last } : {};
  const on = (handle) => (event) => {
    if (event.lastEventId) current.last = event.lastEventId;
    if (event.data !== undefined) handle(JSON.parse(event.data));
    showGeneration();
  };
  current.source = follow(`llm/${encodeURIComponent(current.id)}`, query, {
    delta: on((data) => {
      current.first ??= performance.now();
      current.deltas += 1;
      // Reasoning and the arguments of tools have channels of their own.
      if (data.channel === undefined) find("text").textContent += data.delta ?? "";
    }),
    metadata: on(({ metadata }) => {
      if (metadata.kind === "statistics") current.measured = metadata;
    }),
    error: (event) => {
      if (event.data !== undefined) trouble(`${current.id}: ${event.data}`);
    },
    end: on((data) => {
      current.ended = data.metadata.status ?? "complete";
      cut();
    }),
  });
  find("cut").disabled = false;
  find("resume").disabled = true;
}

function showGeneration() {
  const { first, opened, deltas, ended, measured } = generation;
  const parts = [];
  if (measured) {
    // What the server measured, whoever read when.
    if (measured.first_token_ms !== undefined) parts.push(`first token after ${format.format(measured.first_token_ms)} ms`);
    parts.push(`${measured.estimated ? "about " : ""}${format.format(measured.total_tokens)} tokens`);
    parts.push(`${format.format(measured.tokens_per_second)} a second`);
  } else if (first !== null) {
    const seconds = (performance.now() - first) / 1000;
    parts.push(`first text here after ${format.format(first - opened)} ms`, `${format.format(deltas)} deltas`);
    if (seconds > 0.2) parts.push(`${format.format(deltas / seconds)} a second`);
  }
  if (ended) parts.push(`ended: ${ended}`);
  find("generation-stats").textContent = parts.join(" · ");
}

function cut() {
  generation.source?.close();
  generation.source = null;
  find("cut").disabled = true;
  find("resume").disabled = Boolean(generation.ended);
}

find("cut").addEventListener("click", cut);
find("resume").addEventListener("click", readOn);
find("stop").addEventListener("click", () => {
  ask(`llm/${encodeURIComponent(generation.id)}/stop`, { method: "POST" }).catch((error) => trouble(error.message));
});

// Everything that is asked for again and again

async function poll() {
  try {
    await Promise.all([showTopics(), showRelays()]);
  } catch (error) {
    trouble(error.message);
  }
  setTimeout(poll, POLL_MILLISECONDS);
}

for (const place of document.querySelectorAll(".origin")) place.textContent = location.origin;
poll();

// A link may name what is to be shown: #topic=demo or #llm=chat-1.
const asked = new URLSearchParams(location.hash.slice(1));
if (asked.has("topic")) openTail(asked.get("topic"));
if (asked.has("llm")) openGeneration(asked.get("llm"));
