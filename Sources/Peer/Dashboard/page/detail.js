// One host in detail: 15 minutes of its numbers, its servers, its operations, its events.

import { ask } from "./feed.js";
import { badge, byId, h, setAttribute, setChildren, setText } from "./dom.js";
import { amount, bytes, decimal, latency, percent, plain, span } from "./format.js";
import { KEPT, Plot } from "./plot.js";
import { eventLine, operationCard } from "./panels.js";
import { THRESHOLDS, heat } from "./table.js";

const REFRESH_MS = 10000;
// A plot of less time than this would be of nothing, in seconds.
const WIDTH_MIN = 120;

export class Detail {
  #key = null;
  #past = null;
  #askedAt = 0;
  #opener = null;
  #sample = null;

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
      cpu: new Plot("cpu", "CPU over the last 15 minutes", percent, THRESHOLDS),
      memory: new Plot("memory", "Memory over the last 15 minutes", percent, THRESHOLDS),
      latency: new Plot("latency", "Latency, p90, over the last 15 minutes", latency),
    };
    this.source = h("p", { class: "sub" });
    this.servers = h("div");
    this.machine = h("div");
    this.operations = h("div");
    this.events = h("ol", { class: "timeline" });
    const part = (title, ...nodes) => h("section", {}, h("h3", { text: title }), nodes);
    this.parts = {
      plots: part("The last 15 minutes", ...Object.entries({ cpu: "CPU", memory: "Memory", latency: "Latency p90" })
        .map(([name, title]) => h("figure", {}, h("figcaption", { text: title }), this.plots[name].node)), this.source),
      servers: part("Servers", this.servers),
      machine: part("Cores, disks, network", this.machine),
      operations: part("Operations", this.operations),
      events: part("Events", this.events),
    };
    byId("detail-body").append(this.facts, ...Object.values(this.parts));
  }

  open(key) {
    this.#opener = document.activeElement;
    this.#key = key;
    this.#past = null;
    this.#sample = null;
    this.#askedAt = 0;
    if (!this.dialog.open) this.dialog.showModal();
    byId("detail-body").scrollTop = 0;
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
    const key = this.#key;
    try {
      const past = await ask(`/v1/hosts/${encodeURIComponent(row.host.name)}/history?range=15m`);
      const isOwn = this.model.head?.agent?.host === row.host.name;
      const sample = isOwn ? await ask("/v1/sample") : null;
      if (this.#key !== key) return;
      this.#past = past;
      this.#sample = sample;
      this.#draw(row);
    } catch { /* the page's own record is shown, and says so */ }
  }

  #draw(row) {
    const points = pointsOf(this.#past);
    for (const name of ["cpu", "memory"]) {
      const end = this.model.atMs;
      if (points) this.plots[name].draw(points.series[name], points.endMs, points.stepMs, Math.max(2, points.slots));
      else this.#drawOwn(name, row.track?.[name], end);
    }
    this.#drawOwn("latency", row.track?.latency, this.model.atMs);
    setText(this.source, points
      ? `CPU and memory from the agents' memory, a value every ${span(points.stepMs)}; latency since this page was opened.`
      : "Since this page was opened.");
    this.parts.plots.hidden = !row.host && !row.servers.length;
    this.#drawServers(row);
    this.#drawMachine();
    const { operations, events } = this.model.sections;
    const own = (operations?.operations ?? []).filter((one) => [one.host, one.target].includes(row.name) || row.servers.some((server) => server.address === one.server));
    this.parts.operations.hidden = !operations;
    this.operations.replaceChildren(...(own.length ? own.slice(0, 8).map(operationCard) : [h("p", { class: "empty", text: "None." })]));
    const told = (events?.events ?? []).filter((event) => event.host === row.name || event.details?.target === row.name || row.servers.some((server) => server.address === event.details?.server));
    this.parts.events.hidden = !events;
    this.events.replaceChildren(...(told.length ? told.slice(0, 12).map(eventLine) : [h("li", {}, h("p", { class: "empty", text: "None of the latest is about this host." }))]));
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
        badge(server.state, server.state === "active" ? "good" : "warm"),
        server.healthy === null ? null : badge(server.healthy ? "healthy" : "unhealthy", server.healthy ? "good" : "bad")),
      h("p", { class: "sub", text: `weight ${server.weight} · ${amount(server.requests)} requests · ${amount(server.errors)} errors · ${amount(server.in_flight)} open` }),
      h("p", { class: "sub", text: `p50 ${latency(server.latency_ms?.p50)} · p90 ${latency(server.latency_ms?.p90)} · p99 ${latency(server.latency_ms?.p99)}` }),
      server.reason ? h("p", { class: "sub name", text: `${plain(server.reason, 200)} (${plain(server.by, 40)})` }) : null)));
  }

  #drawMachine() {
    const sample = this.#sample;
    this.parts.machine.hidden = !sample;
    if (!sample) return;
    const list = (title, entries, text) => entries.length
      ? [h("h4", { text: title }), h("ul", { class: "plainlist" }, entries.slice(0, 64).map(text))] : [];
    const entries = (value) => Array.isArray(value) ? value : Object.entries(value ?? {}).map(([name, rest]) => ({ name, ...rest }));
    const cores = Array.isArray(sample.cpu?.per_core) ? sample.cpu.per_core : Array.isArray(sample.cores) ? sample.cores : [];
    this.machine.replaceChildren(
      ...(cores.length ? [h("h4", { text: "Cores" }), h("div", { class: "cores" }, cores.slice(0, 256).map((core, index) => {
        const share = typeof core === "number" ? core : core?.busy;
        const bar = h("span", { class: "core", "data-heat": heat(share) || null, title: `core ${core?.id ?? index}: ${percent(share)}` });
        bar.style.setProperty("--share", typeof share === "number" ? share : 0);
        return bar;
      }))] : []),
      ...list("Disks", entries(sample.disks), (disk) => h("li", { class: "name", text: `${plain(disk.name ?? disk.device, 40)}: reads ${bytes(disk.read_bytes_per_second)}/s, writes ${bytes(disk.written_bytes_per_second ?? disk.write_bytes_per_second)}/s, busy ${percent(disk.busy ?? disk.utilization)}` })),
      ...list("Network", entries(sample.network), (link) => h("li", { class: "name", text: `${plain(link.name ?? link.interface, 40)}: in ${bytes(link.receive_bytes_per_second ?? link.received_bytes_per_second)}/s, out ${bytes(link.transmit_bytes_per_second ?? link.sent_bytes_per_second)}/s` })),
      ...list("Filesystems", entries(sample.filesystems), (one) => h("li", { class: "name", text: `${plain(one.mount ?? one.name, 80)}: ${percent(one.used)} used` })));
  }
}

/** The agents' history as series at equal distances; null where there is none of this form. */
function pointsOf(past) {
  if (!past || !Array.isArray(past.points) || past.points.length < 2) return null;
  const stepMs = past.step_ms ?? past.resolution_ms ?? 1000;
  const at = (point) => point.at_ms ?? point[0];
  const endMs = at(past.points.at(-1));
  const slots = Math.min(3600, Math.round((endMs - at(past.points[0])) / stepMs) + 1);
  const series = { cpu: new Float32Array(slots).fill(NaN), memory: new Float32Array(slots).fill(NaN) };
  for (const point of past.points) {
    const slot = slots - 1 - Math.round((endMs - at(point)) / stepMs);
    if (slot < 0 || slot >= slots) continue;
    for (const name of ["cpu", "memory"]) {
      const value = Array.isArray(point) ? point[name === "cpu" ? 1 : 2] : point[name];
      if (typeof value === "number") series[name][slot] = value;
    }
  }
  return { series, endMs, stepMs, slots };
}
