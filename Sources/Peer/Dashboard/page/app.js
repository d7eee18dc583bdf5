// The page: header, tiles, and who draws what when the stream speaks.

import { announce, byId, h, s, setAttribute, setText } from "./dom.js";
import { amount, counted, latency, percent, plain, span } from "./format.js";
import { follow, model, setToken } from "./feed.js";
import { drawNotices, drawPanels, followOperations } from "./panels.js";
import { Detail } from "./detail.js";
import { HostTable, THRESHOLDS, heat, record, rowsOf, setThresholds } from "./table.js";

// The agent speaks every second: after this many milliseconds without a word what is shown is old.
const STALE_MS = 4000;
// What the agent read of the store longer ago than this is old, too.
const STORE_STALE_MS = 4000;

const detail = new Detail(model);
const table = new HostTable((key) => detail.open(key));
let rows = new Map();
let lastAt = 0;
let leaderBefore;

// --- Tiles

class Tile {
  constructor(title, ...more) {
    this.value = h("p", { class: "big name" });
    this.note = h("p", { class: "sub name" });
    this.node = h("div", { class: "tile" }, h("h3", { text: title }), this.value, more, this.note);
  }

  set(value, note, tone) {
    setText(this.value, value);
    setText(this.note, note);
    setAttribute(this.node, "data-tone", tone ?? null);
  }
}

/** A bar from 0 to 100 % with the lines of the thresholds. */
class Meter {
  constructor() {
    this.bar = h("span", { class: "fill" });
    this.marks = THRESHOLDS.map((_, index) => h("span", { class: index > 0 ? "mark bad" : "mark warm" }));
    this.node = h("div", { class: "meter", "aria-hidden": "true" }, this.bar, this.marks);
    this.rule();
  }

  /** Puts the lines where the thresholds are. */
  rule() {
    this.marks.forEach((mark, index) => { mark.style.left = `${THRESHOLDS[index] * 100}%`; });
  }

  set(share) {
    this.bar.style.width = `${Math.min(1, Math.max(0, share ?? 0)) * 100}%`;
    setAttribute(this.bar, "data-heat", heat(share) || null);
  }
}

const meters = { cpu: new Meter(), memory: new Meter() };
const tiles = {
  leader: new Tile("Leader"),
  hosts: new Tile("Hosts up"),
  cpu: new Tile("CPU, mean", meters.cpu.node),
  memory: new Tile("Memory, mean", meters.memory.node),
  servers: new Tile("Healthy servers"),
  traffic: new Tile("Requests"),
  latency: new Tile("Latency p90"),
};
tiles.leader.node.classList.add("leader");
tiles.leader.node.prepend(s("svg", { class: "crown", viewBox: "0 0 16 16", "aria-hidden": "true" }, s("path", { d: "M2 12.5V4.2l3.4 3L8 2.6l2.6 4.6 3.4-3v8.3z" })));
byId("tiles").append(...Object.values(tiles).map((tile) => tile.node));

const mean = (values) => {
  const known = values.filter((value) => typeof value === "number");
  return known.length ? known.reduce((sum, value) => sum + value, 0) / known.length : null;
};

function drawTiles({ isOld }) {
  const { leader, store, agent } = model.head;
  if (leader && !isOld) {
    tiles.leader.set(plain(leader.host, 63), `epoch ${leader.epoch} · lease ${leader.lease_age_ms === null ? "of unknown age" : `renewed ${span(leader.lease_age_ms)} ago`}`, "lead");
  } else {
    const last = leaderBefore ? `last known: ${plain(leaderBefore, 63)}` : "";
    tiles.leader.set(store.reachable && !isOld ? "none" : "unknown", last || `this agent: ${plain(agent.election, 20)}`, "bad");
  }
  const hosts = [...model.hosts.values()];
  const silent = hosts.filter((host) => host.state !== "up");
  tiles.hosts.set(`${hosts.length - silent.length} of ${hosts.length}`,
    silent.length ? `silent: ${plain(silent.map((host) => host.name).join(", "), 80)}` : hosts.length ? "all report in time" : "none has reported",
    silent.some((host) => host.state === "lost") ? "bad" : silent.length ? "warm" : "good");
  const fresh = hosts.filter((host) => host.state === "up");
  for (const name of ["cpu", "memory"]) {
    const share = mean(fresh.map((host) => host[name]));
    const hottest = fresh.filter((host) => typeof host[name] === "number").sort((a, b) => b[name] - a[name])[0];
    tiles[name].set(percent(share), hottest ? `highest ${percent(hottest[name])} on ${plain(hottest.name, 40)}` : "not known", heat(share));
    meters[name].set(share);
  }
  const servers = [...model.servers.values()];
  const healthy = servers.filter((server) => server.state === "active" && server.healthy === true).length;
  const sick = servers.filter((server) => server.state === "active" && server.healthy === false).length;
  const away = servers.filter((server) => server.state !== "active").length;
  tiles.servers.set(`${healthy} of ${servers.length}`,
    [sick ? `${sick} unhealthy` : "", away ? `${away} draining or out` : ""].filter(Boolean).join(", ") || (servers.length ? "all take requests" : "add one: troop servers add"),
    sick || !servers.length ? "bad" : away ? "warm" : "good");
  const all = [...rows.values()];
  const rates = all.map((row) => row.track?.rate).filter((rate) => typeof rate === "number");
  const failing = all.reduce((sum, row) => sum + (row.track?.failing ?? 0), 0);
  const total = servers.reduce((sum, server) => sum + (server.requests ?? 0), 0);
  tiles.traffic.set(rates.length ? `${amount(rates.reduce((sum, rate) => sum + rate, 0))}/s` : "–",
    failing > 0 ? `${amount(failing)} errors a second` : `${amount(total)} since the leader began`, failing > 0 ? "bad" : null);
  const late = servers.map((server) => server.latency_ms?.p90).filter((value) => typeof value === "number");
  const tail = servers.map((server) => server.latency_ms?.p99).filter((value) => typeof value === "number");
  tiles.latency.set(late.length ? latency(Math.max(...late)) : "–", tail.length ? `slowest server; p99 ${latency(Math.max(...tail))}` : "no requests in the last minute");
}

// --- How fresh it all is, and how the troop fares

function verdict() {
  const { store, leader } = model.head;
  if (!store.reachable) return ["Redis unreachable", "bad"];
  if (!leader) return ["no leader", "bad"];
  const silent = [...model.hosts.values()].filter((host) => host.state !== "up").length;
  if (silent) return [`degraded: ${counted(silent, "silent host")}`, "warm"];
  const servers = [...model.servers.values()].filter((server) => server.state === "active");
  const sick = servers.filter((server) => server.healthy === false).length;
  if (sick) return [`degraded: ${counted(sick, "unhealthy server")}`, "warm"];
  if (!servers.length) return ["degraded: no active server", "warm"];
  return model.head.notices.length ? [`degraded: ${counted(model.head.notices.length, "notice")}`, "warm"] : ["all is well", "good"];
}

function age() { return model.heardAt ? performance.now() - model.heardAt : Infinity; }

/** Each second, and whenever something was heard. */
function drawPulse() {
  const old = age();
  const isOld = old > STALE_MS;
  const pulse = byId("pulse");
  const isLocked = model.line === "token";
  byId("token-form").hidden = !isLocked;
  setText(byId("token-trouble"), isLocked ? model.trouble : "");
  if (!model.heardAt) {
    const word = isLocked ? "locked" : model.line === "lost" ? "no data" : "connecting";
    setText(byId("pulse-text"), word === "no data" ? `no data: ${model.trouble}` : word);
    setText(byId("verdict"), word);
    setAttribute(pulse, "data-tone", model.line === "connecting" ? "idle" : "bad");
    return;
  }
  const storeAge = model.head.store.age_ms;
  const isStoreOld = !model.head.store.reachable && (storeAge === null || storeAge > STORE_STALE_MS);
  setText(byId("pulse-text"), isOld
    ? `last update ${span(old)} ago${model.trouble ? `: ${plain(model.trouble, 120)}` : ""}`
    : isStoreOld ? `data is ${span(storeAge)} old` : "live");
  setAttribute(pulse, "data-tone", isOld ? "bad" : isStoreOld ? "warm" : "good");
  setAttribute(document.body, "data-stale", isOld || isStoreOld);
  const [text, tone] = isOld ? ["unknown: no word from the agent", "bad"] : verdict();
  setText(byId("verdict"), text);
  setAttribute(byId("verdict"), "data-tone", tone);
  document.title = isOld ? "? troop" : `${tone === "good" ? "" : "! "}${model.head.cluster} · troop`;
  drawTiles({ isOld });
  // An agent that is silent is not asked either.
  if (!isOld) followOperations();
  if (isOld) announce(`No word from the agent for ${span(Math.floor(old / 10000) * 10000 || STALE_MS)}`);
}

function draw(kind) {
  const seconds = kind === "change" && lastAt ? Math.min(900, Math.max(1, Math.round((model.atMs - lastAt) / 1000))) : 1;
  lastAt = model.atMs;
  rows = rowsOf(model);
  record(rows, seconds);
  const { leader, store, notices, cluster, agent } = model.head;
  setText(byId("cluster"), plain(cluster, 63));
  byId("cluster").title = `told by the agent of host ${plain(agent.host, 63)}, version ${plain(agent.version, 30)}`;
  const lines = notices.map((text) => ({ text, tone: "warm" }));
  if (!store.reachable) lines.unshift({ text: `Redis does not answer: ${store.error ?? ""}. What is shown is ${store.age_ms === null ? "nothing yet" : `${span(store.age_ms - store.age_ms % 5000)} old or older`}; the leader is not known.`, tone: "bad" });
  drawNotices(lines);
  if (setThresholds(model.sections.monkeys?.policies)) {
    for (const meter of Object.values(meters)) meter.rule();
    table.forget();
  }
  table.show(rows, leader?.host, Boolean(leader));
  drawPanels(model.sections, model.stale);
  detail.update(rows, leader?.host);
  if (leader) {
    if (leaderBefore !== undefined && leaderBefore !== leader.host) announce(`${plain(leader.host, 63)} leads now, epoch ${leader.epoch}`);
    leaderBefore = leader.host;
  }
  drawPulse();
}

// --- Light and dark

const THEMES = ["auto", "light", "dark"];

function setTheme(theme) {
  setAttribute(document.documentElement, "data-theme", theme === "auto" ? null : theme);
  setText(byId("theme-text"), theme);
  setAttribute(byId("theme"), "aria-label", `Colours: ${theme}`);
  try { localStorage.setItem("troop-theme", theme); } catch { /* not kept, then */ }
}

function storedTheme() {
  try { return localStorage.getItem("troop-theme"); } catch { return null; }
}

setTheme(THEMES.includes(storedTheme()) ? storedTheme() : "auto");
byId("theme").addEventListener("click", () => {
  const now = THEMES.indexOf(byId("theme-text").textContent);
  setTheme(THEMES[(now + 1) % THEMES.length]);
});

byId("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  // Taken away first, so that the same words are said anew to screen readers.
  setText(byId("token-trouble"), "");
  setToken(byId("token").value.trim());
  byId("token").value = "";
  drawPulse();
});

addEventListener("keydown", (event) => {
  const isTyping = event.target instanceof HTMLInputElement || byId("detail").open;
  if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    byId("filter").focus();
  } else if (event.key === "Escape" && event.target === byId("filter")) {
    event.target.value = "";
    event.target.dispatchEvent(new Event("input"));
  }
});

setInterval(drawPulse, 1000);
follow(draw, drawPulse);
