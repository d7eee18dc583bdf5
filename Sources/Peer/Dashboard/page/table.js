// The table of hosts with their servers: only the rows in sight exist, so that 500 hosts cost no more than 25.

import { badge, byId, h, s, setAttribute, setChildren, setText } from "./dom.js";
import { amount, latency, percent, plain, span } from "./format.js";
import { Series, Sparkline } from "./plot.js";

/** Where heat begins, and where it is too much: the lines in every plot. By default above what the monkeys act. */
export const THRESHOLDS = [0.7, 0.9];

/** Takes over above what the monkeys act here, and says whether that is another; what nobody tells stays as it is. */
export function setThresholds(policies = []) {
  let isOther = false;
  for (const [index, name] of ["gift", "doctor"].entries()) {
    const share = policies.find((one) => one.name === name)?.above_percent / 100;
    if (!(share > 0 && share <= 1) || share === THRESHOLDS[index]) continue;
    THRESHOLDS[index] = share;
    isOther = true;
  }
  return isOther;
}

const RESORT_MS = 2000;
const OVERSCAN = 4;

const COLUMNS = [
  { key: "name", title: "Host", first: 1 },
  { key: "state", title: "State", first: -1 },
  { key: "cpu", title: "CPU", first: -1 },
  { key: "memory", title: "Memory", first: -1 },
  { key: "latency", title: "Latency p90", first: -1 },
  { key: "requests", title: "Requests", first: -1 },
];

const CHIPS = [
  ["all", "All", () => true],
  ["hot", "Hot", (row) => (row.host?.cpu ?? 0) > THRESHOLDS[0]],
  ["trouble", "Trouble", (row) => row.trouble > 0],
];

/** What is kept of each host between updates: its series and the counters seen last. */
const tracks = new Map();

function track(key) {
  let found = tracks.get(key);
  if (!found) {
    found = { cpu: new Series(), memory: new Series(), latency: new Series(), requests: null, errors: null, rate: null, failing: 0 };
    tracks.set(key, found);
  }
  return found;
}

export const seriesOf = (key) => tracks.get(key);

/** Hosts with their servers, and servers without a known host, as rows. */
export function rowsOf(model) {
  const rows = new Map();
  for (const [name, host] of model.hosts) rows.set(name, { key: name, host, servers: [] });
  for (const [address, server] of model.servers) {
    const row = rows.get(server.host);
    if (row) row.servers.push(server);
    else rows.set(` ${address}`, { key: ` ${address}`, host: null, servers: [server] });
  }
  for (const row of rows.values()) {
    row.name = row.host?.name ?? row.servers[0].address;
    row.latency = Math.max(...row.servers.map((server) => server.latency_ms?.p90 ?? -1));
    row.trouble = trouble(row);
  }
  return rows;
}

/** How much is wrong with a row: the measure by which states are sorted. */
function trouble({ host, servers }) {
  let score = host ? { up: 0, late: 2, lost: 4 }[host.state] ?? 1 : 0;
  for (const server of servers) {
    if (server.healthy === false && server.state === "active") score += 3;
    else if (server.state !== "active") score += 1;
  }
  return score;
}

/** Takes in a new state: each series gets as many values as seconds have passed. */
export function record(rows, seconds) {
  for (const row of rows.values()) {
    const kept = track(row.key);
    const known = row.host === null || row.host.state !== "lost";
    for (let gap = 1; gap < seconds; gap++) for (const name of ["cpu", "memory", "latency"]) kept[name].push(NaN);
    kept.cpu.push(known ? row.host?.cpu : NaN);
    kept.memory.push(known ? row.host?.memory : NaN);
    kept.latency.push(row.latency >= 0 ? row.latency : NaN);
    for (const [counter, rate] of [["requests", "rate"], ["errors", "failing"]]) {
      const now = row.servers.some((server) => typeof server[counter] === "number")
        ? row.servers.reduce((sum, server) => sum + (server[counter] ?? 0), 0) : null;
      const before = kept[counter];
      if (now === null) kept[rate] = null;
      // Counters of a new leader begin anew.
      else if (before !== null && now >= before) kept[rate] = (now - before) / Math.max(1, seconds);
      kept[counter] = now;
    }
    row.track = kept;
  }
  for (const key of tracks.keys()) if (!rows.has(key)) tracks.delete(key);
}

export class HostTable {
  #rows = new Map();
  #order = [];
  #pool = new Map();
  #sort = { key: "name", way: 1 };
  #chip = "all";
  #query = "";
  #sortedAt = 0;
  #frame = 0;
  #isHeld = false;
  #height = 0;
  #total = -1;

  /** How often something new was shown: a row that has drawn it need not do so for each step of scrolling. */
  turn = 0;

  constructor(onOpen) {
    this.onOpen = onOpen;
    this.body = byId("grid-body");
    this.grid = byId("grid");
    byId("grid-head").append(this.#head());
    byId("chips").append(...CHIPS.map(([key, title]) => h("button", {
      type: "button", class: "chip", "aria-pressed": String(key === this.#chip), "data-chip": key, text: title,
      on: { click: () => this.#choose(key) },
    })));
    byId("filter").addEventListener("input", (event) => {
      this.#query = event.target.value.trim().toLowerCase();
      this.#arrange(true);
    });
    addEventListener("scroll", () => this.#later(), { passive: true });
    addEventListener("resize", () => { this.#height = 0; this.#later(); }, { passive: true });
    this.body.addEventListener("pointerenter", () => { this.#isHeld = true; });
    this.body.addEventListener("pointerleave", () => { this.#isHeld = false; });
    this.body.addEventListener("keydown", (event) => this.#move(event));
  }

  /** Shows these rows, of a troop whose state is stale or not. */
  show(rows, leader, isKnown) {
    Object.assign(this, { leader, isKnown });
    this.turn++;
    this.#rows = rows;
    this.#arrange(false);
  }

  /** Makes all rows anew: the lines in them have moved. */
  forget() { this.#pool.clear(); }

  #head() {
    return h("div", { role: "row", class: "row head" }, COLUMNS.map((column) => {
      const button = h("button", { type: "button", on: { click: () => this.#sortBy(column) } },
        h("span", { text: column.title }), h("span", { class: "arrow", "aria-hidden": "true" }));
      column.node = h("div", { role: "columnheader", class: `cell ${column.key}`, "aria-sort": column.key === "name" ? "ascending" : "none" }, button);
      return column.node;
    }));
  }

  #sortBy(column) {
    const way = this.#sort.key === column.key ? -this.#sort.way : column.first;
    this.#sort = { key: column.key, way };
    for (const each of COLUMNS) {
      setAttribute(each.node, "aria-sort", each !== column ? "none" : way > 0 ? "ascending" : "descending");
    }
    this.#arrange(true);
  }

  #choose(key) {
    this.#chip = key;
    for (const chip of byId("chips").children) chip.setAttribute("aria-pressed", String(chip.dataset.chip === key));
    this.#arrange(true);
  }

  #value(row) {
    switch (this.#sort.key) {
      case "name": return row.name;
      case "state": return row.trouble;
      case "cpu": return row.host?.cpu ?? -1;
      case "memory": return row.host?.memory ?? -1;
      case "latency": return row.latency;
      default: return row.track?.rate ?? -1;
    }
  }

  /** Which rows, in which order; a list under the pointer keeps its order, and none jumps about each second. */
  #arrange(isAsked) {
    const test = CHIPS.find(([key]) => key === this.#chip)[2];
    const wanted = (row) => test(row) && (!this.#query
      || row.name.toLowerCase().includes(this.#query)
      || (row.host?.address ?? "").toLowerCase().includes(this.#query)
      || row.servers.some((server) => server.address.toLowerCase().includes(this.#query)));
    const visible = [...this.#rows.values()].filter(wanted);
    const now = performance.now();
    const rank = new Map(this.#order.map((row, index) => [row.key, index]));
    const isSettled = !isAsked && this.#order.length > 0 && (this.#isHeld || now - this.#sortedAt < RESORT_MS);
    const { way } = this.#sort;
    const byName = (a, b) => a.name.localeCompare(b.name, undefined, { numeric: true });
    visible.sort((a, b) => {
      if (isSettled) return (rank.get(a.key) ?? 1e9) - (rank.get(b.key) ?? 1e9) || byName(a, b);
      const [one, two] = [this.#value(a), this.#value(b)];
      return (typeof one === "string" ? byName(a, b) * way : (one - two) * way) || byName(a, b);
    });
    if (!isSettled) this.#sortedAt = now;
    this.#order = visible;
    const counts = Object.fromEntries(CHIPS.map(([key, , is]) => [key, [...this.#rows.values()].filter(is).length]));
    for (const chip of byId("chips").children) {
      const [key, title] = CHIPS.find(([name]) => name === chip.dataset.chip);
      setText(chip, `${title} ${counts[key]}`);
    }
    const empty = byId("grid-empty");
    empty.hidden = visible.length > 0;
    setText(empty, this.#rows.size ? "No host fits this filter." : "No host has reported yet.");
    this.#draw();
  }

  #later() {
    if (!this.#frame) this.#frame = requestAnimationFrame(() => { this.#frame = 0; this.#draw(); });
  }

  #draw() {
    // Read before anything is written, and rarely: each reading makes the browser lay out what was changed.
    this.#height ||= parseFloat(getComputedStyle(this.grid).getPropertyValue("--row")) || 56;
    const height = this.#height;
    const total = this.#order.length;
    const top = this.body.getBoundingClientRect().top;
    const from = Math.min(total, Math.max(0, Math.floor(-top / height) - OVERSCAN));
    const to = Math.min(total, Math.ceil((innerHeight - top) / height) + OVERSCAN);
    if (this.#total !== total * height) this.body.style.height = `${total * height}px`;
    this.#total = total * height;
    setAttribute(this.grid, "aria-rowcount", total + 1);
    const shown = new Set();
    const nodes = [];
    for (let index = from; index < to; index++) {
      const row = this.#order[index];
      shown.add(row.key);
      let view = this.#pool.get(row.key);
      if (!view) {
        view = new RowView((key) => this.onOpen(key));
        this.#pool.set(row.key, view);
      }
      view.update(row, index, height, this);
      nodes.push(view.node);
    }
    for (const key of this.#pool.keys()) {
      // A row that has the focus stays until it loses it.
      if (!shown.has(key) && !this.#pool.get(key).node.contains(document.activeElement)) this.#pool.delete(key);
      else if (!shown.has(key)) nodes.push(this.#pool.get(key).node);
    }
    setChildren(this.body, nodes);
  }

  /** Arrow keys, Home and End go from host to host. */
  #move(event) {
    const way = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key];
    const here = event.target.closest?.("[data-index]");
    if (way === undefined || !here) return;
    event.preventDefault();
    const index = Math.min(this.#order.length - 1, Math.max(0, Number(here.dataset.index) + way));
    const height = this.#height;
    const at = this.body.getBoundingClientRect().top + index * height;
    if (at < 80) scrollBy({ top: at - 80 });
    else if (at + height > innerHeight) scrollBy({ top: at + height - innerHeight + 8 });
    this.#draw();
    this.#pool.get(this.#order[index].key)?.button.focus({ preventScroll: true });
  }
}

/** The nodes of one row. */
class RowView {
  constructor(onOpen) {
    this.button = h("button", { type: "button", class: "open name", on: { click: () => onOpen(this.key) } });
    this.badges = h("span", { class: "badges" });
    this.address = h("span", { class: "sub name" });
    this.dot = h("span", { class: "dot", "aria-hidden": "true" });
    this.state = h("span", { class: "word" });
    this.server = h("span", { class: "sub" });
    this.rate = h("span", { class: "value" });
    this.errors = h("span", { class: "sub" });
    this.gauges = {
      cpu: new Gauge("cpu", THRESHOLDS), memory: new Gauge("memory", THRESHOLDS), latency: new Gauge("latency"),
    };
    this.node = h("div", { role: "row", class: "row", on: { click: (event) => {
      if (!event.target.closest("button") && !String(getSelection())) onOpen(this.key);
    } } },
      h("div", { role: "rowheader", class: "cell name" }, h("span", { class: "top" }, this.button, this.badges), this.address),
      h("div", { role: "cell", class: "cell state" }, h("span", { class: "top" }, this.dot, this.state), this.server),
      ...["cpu", "memory", "latency"].map((name) => h("div", { role: "cell", class: `cell gauge ${name}` }, this.gauges[name].nodes)),
      h("div", { role: "cell", class: "cell requests" }, this.rate, this.errors));
  }

  update(row, index, height, table) {
    const drawn = `${table.turn} ${index} ${height}`;
    if (this.drawn === drawn) return;
    this.drawn = drawn;
    this.key = row.key;
    const { host, servers, track: kept } = row;
    const isLeader = table.isKnown && host !== null && table.leader === host.name;
    setAttribute(this.node, "aria-rowindex", index + 2);
    setAttribute(this.node, "data-index", index);
    setAttribute(this.node, "data-leader", isLeader);
    setAttribute(this.node, "data-state", host?.state ?? "none");
    const shift = `translateY(${index * height}px)`;
    if (this.node.style.transform !== shift) this.node.style.transform = shift;
    setText(this.button, plain(row.name, 80));
    setAttribute(this.button, "title", row.name.length > 20 ? plain(row.name, 300) : null);
    setChildren(this.badges, isLeader ? [this.crown ??= badge("leader", "lead")] : []);
    setText(this.address, plain(host?.address || (host ? "" : "no agent reports for it"), 60));
    const word = host ? host.state : "server";
    setText(this.state, word);
    setAttribute(this.node.children[1], "data-tone", tone(row));
    setText(this.server, host && host.state !== "up" ? `silent for ${span(host.report_age_ms)}` : serverWord(servers));
    this.gauges.cpu.update(percent(host?.cpu), kept?.cpu, heat(host?.cpu));
    this.gauges.memory.update(percent(host?.memory), kept?.memory, heat(host?.memory));
    this.gauges.latency.update(latency(row.latency >= 0 ? row.latency : NaN), kept?.latency, "");
    setText(this.rate, kept?.rate === null || kept?.rate === undefined ? "–" : `${amount(kept.rate)}/s`);
    const failing = kept?.failing ?? 0;
    setText(this.errors, failing > 0 ? `${amount(failing)} errors/s` : servers.length ? `${amount(servers.reduce((sum, one) => sum + (one.in_flight ?? 0), 0))} open` : "");
    setAttribute(this.errors, "data-tone", failing > 0 ? "bad" : null);
  }
}

/** A value with its line. */
class Gauge {
  constructor(kind, thresholds) {
    this.value = h("span", { class: "value" });
    this.spark = new Sparkline(kind, thresholds);
    this.nodes = [this.value, this.spark.node];
  }

  update(text, series, heat) {
    setText(this.value, text);
    setAttribute(this.value, "data-heat", heat || null);
    if (series) this.spark.draw(series);
  }
}

/** How hot a share is, by the thresholds. */
export function heat(share) {
  if (typeof share !== "number") return "";
  return share > THRESHOLDS[1] ? "bad" : share > THRESHOLDS[0] ? "warm" : "";
}

function tone({ host, trouble: score }) {
  if (host?.state === "lost") return "bad";
  return score >= 3 ? "bad" : score > 0 ? "warm" : "good";
}

function serverWord(servers) {
  if (!servers.length) return "no server";
  const [one] = servers;
  const health = one.healthy === null || one.healthy === undefined ? "" : one.healthy ? "healthy" : "unhealthy";
  const word = one.state === "active" ? health || "active" : plain(one.state, 40);
  return servers.length > 1 ? `${word}, ${servers.length - 1} more` : word;
}
