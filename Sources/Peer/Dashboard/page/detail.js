// One host in detail: 15 minutes or 24 hours of its numbers, its servers, its operations, its events.

import { ask, has } from "./feed.js";
import { badge, byId, h, setAttribute, setChildren, setText } from "./dom.js";
import { amount, bytes, counted, decimal, latency, percent, plain, span } from "./format.js";
import { KEPT, Plot } from "./plot.js";
import { cut, eventLine, operationCard, unreadable } from "./panels.js";
import { THRESHOLDS, heat } from "./table.js";

const REFRESH_MS = 10000;
// So many are shown of each list; how many more there are is said.
const SHOWN = { operations: 8, events: 12, entries: 64, cores: 256 };
// A plot of less time than this would be of nothing, in seconds.
const WIDTH_MIN = 120;
// What can be looked at: the most of what agents remember, in rows that a plot can show.
const SPANS = [
  { name: "15m", title: "15 minutes", query: "" },
  { name: "24h", title: "24 hours", query: "&from=24h&step=2m" },
];

export class Detail {
  #key = null;
  // What was read of each span: of one it would be mistaken for another's.
  #pasts = new Map();
  #askedAt = -Infinity;
  #opener = null;
  #sample = null;
  // Why the past and the sample could not be read when they were asked for last; empty while they could.
  #trouble = { past: "", sample: "" };
  #sampleAtMs = null;
  #span = SPANS[0];

  constructor(model) {
    this.model = model;
    this.dialog = byId("detail");
    byId("detail-close").addEventListener("click", () => this.dialog.close());
    this.dialog.addEventListener("close", () => {
      this.#key = null;
      this.#opener?.focus?.();
    });
    // A click beside the sheet closes it.
    this.dialog.addEventListener("click", (event) => { if (event.target === this.dialog) this.dialog.close(); });
    this.facts = h("dl", { class: "facts" });
    this.plots = {
      cpu: new Plot("cpu", "CPU", percent, THRESHOLDS),
      memory: new Plot("memory", "Memory", percent, THRESHOLDS),
      latency: new Plot("latency", "Latency", latency),
    };
    this.captions = { cpu: h("figcaption", { text: "CPU" }), memory: h("figcaption", { text: "Memory" }), latency: h("figcaption") };
    this.source = h("p", { class: "sub" });
    this.spans = SPANS.map((span) => {
      const node = h("button", { class: "chip", type: "button", text: span.title, "aria-pressed": String(span === this.#span) });
      node.addEventListener("click", () => this.#look(span));
      return node;
    });
    this.servers = h("div");
    this.machine = h("div");
    this.operations = h("div");
    this.events = h("ol", { class: "timeline" });
    this.marks = Object.fromEntries(["machine", "operations", "events"].map((name) => [name, h("p", { class: "stale name", hidden: true })]));
    const part = (title, ...nodes) => h("section", {}, h("h3", { text: title }), nodes);
    this.parts = {
      plots: h("section", {},
        h("div", { class: "over" }, h("h3", { text: "The last" }), h("div", { class: "chips", role: "group", "aria-label": "Time shown" }, this.spans)),
        ...Object.entries(this.plots).map(([name, plot]) => h("figure", {}, this.captions[name], plot.node)), this.source),
      servers: part("Servers", this.servers),
      machine: part("Cores, disks, network", this.marks.machine, this.machine),
      operations: part("Operations", this.marks.operations, this.operations),
      events: part("Events", this.marks.events, this.events),
    };
    byId("detail-body").append(this.facts, ...Object.values(this.parts));
  }

  get #past() { return this.#pasts.get(this.#span) ?? null; }

  open(key) {
    this.#opener = document.activeElement;
    this.#key = key;
    this.#pasts.clear();
    this.#sample = null;
    this.#sampleAtMs = null;
    this.#trouble = { past: "", sample: "" };
    this.#askedAt = -Infinity;
    if (!this.dialog.open) this.dialog.showModal();
    byId("detail-body").scrollTop = 0;
    this.update(this.rows, this.leader);
  }

  /** Shows another span of time. */
  #look(span) {
    this.#span = span;
    this.#trouble.past = "";
    this.spans.forEach((node, index) => setAttribute(node, "aria-pressed", String(SPANS[index] === span)));
    this.#askedAt = -Infinity;
    this.update(this.rows, this.leader);
  }

  /** Draws the host that is open anew. */
  update(rows, leader) {
    Object.assign(this, { rows, leader });
    if (this.#key === null || !rows) return;
    const row = rows.get(this.#key);
    if (!row) {
      setText(byId("detail-title"), plain(this.#key.trim(), 120));
      byId("detail-badges").replaceChildren(badge("gone", "bad"));
      return;
    }
    this.#headline(row);
    this.#askPast(row);
    this.#draw(row);
  }

  #headline({ host, servers, name }) {
    setText(byId("detail-title"), plain(name, 120));
    const badges = [];
    if (host) badges.push(badge(host.state, { up: "good", late: "warm", lost: "bad" }[host.state] ?? "idle"));
    if (host && this.leader === host.name) badges.push(badge("leader", "lead"));
    byId("detail-badges").replaceChildren(...badges);
    const facts = host ? [
      ["CPU", percent(host.cpu), heat(host.cpu)],
      ["Memory", percent(host.memory), heat(host.memory)],
      ["Load", [host.load1, host.load5, host.load15].map(decimal).join(" · ")],
      ["Cores", host.cores ?? "–"],
      ["Free memory", bytes(host.memory_available_bytes) + " of " + bytes(host.memory_total_bytes)],
      ["Pressure cpu, mem, io", [host.pressure_cpu_some, host.pressure_memory_some, host.pressure_io_some].map((value) => typeof value === "number" ? value.toFixed(1) : "–").join(" · ") + " %"],
      ["Steal, iowait", `${percent(host.steal)} · ${percent(host.iowait)}`],
      ...(host.network_received !== undefined ? [["Network in, out", `${bytes(host.network_received)}/s · ${bytes(host.network_sent)}/s`],
        ["Disk read, written", `${bytes(host.disk_read)}/s · ${bytes(host.disk_written)}/s`],
        ["Busiest disk, fullest", `${percent(host.disk_busy)} · ${percent(host.filesystem_used)}`]] : []),
      ["Address", plain(host.address, 60) || "–"],
      ["Report", host.state === "up" ? "in time" : `${span(host.report_age_ms)} old`],
      ["Agent", plain(host.agent_version ?? "–", 30)],
    ] : [["Host", plain(servers[0]?.host || "unknown", 63)]];
    setChildren(this.facts, facts.map(([title, value, hot], index) => {
      const node = this.facts.children[index] ?? h("div", {}, h("dt"), h("dd"));
      setText(node.firstChild, title);
      setText(node.lastChild, String(value));
      setAttribute(node.lastChild, "data-heat", hot || null);
      return node;
    }));
  }

  /** The past that agents keep, where they do; what this page has seen itself otherwise. */
  async #askPast(row) {
    const now = performance.now();
    if (!row.host || now - this.#askedAt < REFRESH_MS) return;
    this.#askedAt = now;
    const [key, span] = [this.#key, this.#span];
    const name = encodeURIComponent(row.host.name);
    const past = await answer("/v1/hosts/{name}/history", `/v1/hosts/${name}/history?series=cpu,memory,latency_p99${span.query}`);
    const isOwn = this.model.head?.agent?.host === row.host.name;
    // Another host's agent is asked by this one, where it can be reached; the past does not depend on it.
    const isUp = isOwn || row.host.state === "up";
    const sample = !isUp ? { document: null } : isOwn
      ? await answer("/v1/sample", "/v1/sample") : await answer("/v1/hosts/{name}/sample", `/v1/hosts/${name}/sample`);
    if (this.#key !== key || this.#span !== span) return;
    // What could not be read stays as it was, and says so.
    this.#trouble = { past: past.trouble ?? "", sample: sample.trouble ?? "" };
    if (!past.trouble) this.#pasts.set(span, past.document);
    if (!sample.trouble) {
      this.#sample = sample.document;
      this.#sampleAtMs = Date.now();
    }
    this.#draw(row);
  }

  #draw(row) {
    const points = pointsOf(this.#past);
    const hasLatency = points?.series.latency.some((value) => !Number.isNaN(value));
    for (const name of Object.keys(this.plots)) {
      if (points && (name !== "latency" || hasLatency)) this.plots[name].draw(points.series[name], points.endMs, points.stepMs, Math.max(2, points.slots));
      else this.#drawOwn(name, row.track?.[name], this.model.atMs);
    }
    setText(this.captions.latency, hasLatency ? "Latency p99" : "Latency p90");
    const sinceOpened = "since this page was opened";
    const trouble = this.#trouble.past ? ` The past ${unreadable(this.#trouble.past, points ? this.#past.now_ms : null)}.` : "";
    setAttribute(this.source, "data-tone", trouble ? "warm" : null);
    setText(this.source, (points
      ? `From the agents' memory, a value every ${span(points.stepMs)}${hasLatency ? "" : `; latency ${sinceOpened}`}.`
      : `${trouble ? "What this page saw itself" : "The agents' memory does not reach here:"} ${sinceOpened}.`) + trouble);
    this.parts.plots.hidden = !row.host && !row.servers.length;
    this.#drawServers(row);
    this.#drawMachine();
    const { operations, events } = this.model.sections;
    for (const name of ["operations", "events"]) {
      const old = this.model.stale[name];
      this.marks[name].hidden = !old;
      setText(this.marks[name], old ? unreadable(old.error, old.read_at_ms) : "");
    }
    const own = (operations?.operations ?? []).filter((one) => [one.host, one.target].includes(row.name) || row.servers.some((server) => server.address === one.server));
    this.parts.operations.hidden = !operations && !this.model.stale.operations;
    this.operations.replaceChildren(...(own.length ? cut(own, SHOWN.operations, operationCard, "p") : [h("p", { class: "empty", text: "None." })]));
    const told = (events?.events ?? []).filter((event) => isAbout(event, row, operations?.operations ?? []));
    this.parts.events.hidden = !events && !this.model.stale.events;
    this.events.replaceChildren(...(told.length ? cut(told, SHOWN.events, eventLine) : [h("li", {}, h("p", { class: "empty", text: "None of the latest is about this host." }))]));
  }

  /** What this page saw itself: as wide as it is long, but for the first two minutes. */
  #drawOwn(name, series, endMs) {
    const values = series?.last(KEPT) ?? [];
    this.plots[name].draw(values, endMs, 1000, Math.max(WIDTH_MIN, values.length));
  }

  #drawServers({ servers }) {
    this.parts.servers.hidden = !servers.length;
    this.servers.replaceChildren(...servers.map((server) => h("article", { class: "operation" },
      h("div", { class: "line" }, h("b", { class: "name", text: plain(server.address, 60) }),
        badge(plain(server.state, 40), server.state === "active" ? "good" : "warm"),
        server.healthy === null ? null : badge(server.healthy ? "healthy" : "unhealthy", server.healthy ? "good" : "bad")),
      h("p", { class: "sub", text: `weight ${server.weight} · ${amount(server.requests)} requests · ${amount(server.errors)} errors · ${amount(server.in_flight)} open` }),
      h("p", { class: "sub", text: `p50 ${latency(server.latency_ms?.p50)} · p90 ${latency(server.latency_ms?.p90)} · p99 ${latency(server.latency_ms?.p99)}` }),
      server.reason ? h("p", { class: "sub name", text: `${plain(server.reason, 200)} (${plain(server.by, 40)})` }) : null)));
  }

  #drawMachine() {
    const sample = this.#sample;
    const { sample: trouble } = this.#trouble;
    this.parts.machine.hidden = !sample && !trouble;
    this.marks.machine.hidden = !trouble;
    setText(this.marks.machine, trouble ? unreadable(trouble, sample && this.#sampleAtMs) : "");
    if (!sample) return this.machine.replaceChildren();
    const list = (title, entries, text) => entries.length
      ? [h("h4", { text: title }), h("ul", { class: "plainlist" }, cut(entries, SHOWN.entries, text))] : [];
    const entries = (value) => (Array.isArray(value) ? value : []);
    const cores = entries(sample.processors);
    this.machine.replaceChildren(
      ...(cores.length ? [h("h4", { text: "Cores" }), h("div", { class: "cores", role: "img", "aria-label": coresWord(cores) }, cut(cores, SHOWN.cores, (core, index) => {
        const share = core.busy;
        const bar = h("span", { class: "core", "data-heat": heat(share) || null, title: `core ${core.cpu ?? index}: ${percent(share)}` });
        bar.style.setProperty("--share", typeof share === "number" ? share : 0);
        return bar;
      }, "span"))] : []),
      ...list("Disks", entries(sample.disks), (disk) => h("li", { class: "name", text: `${plain(disk.name ?? disk.device, 40)}: reads ${bytes(disk.read_bytes)}/s, writes ${bytes(disk.written_bytes)}/s, busy ${percent(disk.busy)}` })),
      ...list("Network", entries(sample.network), (link) => h("li", { class: "name", text: `${plain(link.name ?? link.interface, 40)}: in ${bytes(link.received_bytes)}/s, out ${bytes(link.sent_bytes)}/s` })),
      ...list("Filesystems", entries(sample.filesystems), (one) => h("li", { class: "name", text: `${plain(one.mount_point, 80)}: ${percent(one.used)} of ${bytes(one.total_bytes)} used` })));
  }
}

/** What the picture of the cores shows, in words. */
function coresWord(cores) {
  const busy = cores.map((core) => core.busy).filter((share) => typeof share === "number");
  const word = busy.length ? `${percent(Math.min(...busy))} to ${percent(Math.max(...busy))} busy` : "not known how busy";
  return `${counted(cores.length, "core")}, ${word}`;
}

/** What a path answers where the agent has such a route: `{ document }`, or `{ trouble }` where it could not be read. */
async function answer(route, path) {
  try {
    return { document: await has(route) ? await ask(path) : null };
  } catch (error) {
    return { trouble: String(error.message ?? error) };
  }
}

/** Whether an event is about a host. Its own `host` is who told it, the leader for most of what happens to others. */
function isAbout({ kind = "", host, details }, row, operations) {
  const { target, server, operation, previous, leader } = details ?? {};
  const isOwn = host === row.name;
  if (target) return target === row.name;
  if (server && row.servers.some((one) => one.address === server)) return true;
  // An application is looked at by its own host's agent, and may be on no list.
  if (server) return isOwn && kind.startsWith("application.");
  if (operation) return operations.some((one) => one.id === operation && one.target === row.name);
  // Elections are about the one that tells and the one before or after it.
  if ([previous, leader].includes(row.name)) return true;
  // Without a name these are about the whole troop.
  return isOwn && !/^(flag|host|server|operation)\./.test(kind);
}

/** The agents' history as series at equal distances; null where there is none of this form. */
function pointsOf(past) {
  const columns = past?.series;
  if (!columns || !(past.step_ms > 0)) return null;
  const slots = Math.min(3600, Math.max(columns.cpu?.length ?? 0, columns.memory?.length ?? 0));
  if (slots < 2) return null;
  const series = {};
  for (const [name, column] of [["cpu", "cpu"], ["memory", "memory"], ["latency", "latency_p99"]]) {
    series[name] = Float32Array.from({ length: slots }, (_, slot) => {
      const value = columns[column]?.[slot];
      return typeof value === "number" ? value : NaN;
    });
  }
  return { series, endMs: past.from_ms + (slots - 1) * past.step_ms, stepMs: past.step_ms, slots };
}
