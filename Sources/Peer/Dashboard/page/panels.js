// What stands beside the table: operations, monkeys, events, elections, flags. A section that the agent does not have is hidden.

import { ask, has } from "./feed.js";
import { badge, byId, h, setAttribute, setText } from "./dom.js";
import { clock, counted, iso, percent, plain, span } from "./format.js";

const SHOWN = { events: 40, history: 20, operations: 12, flags: 60, steps: 10, notices: 8 };

const shown = new Map();

const PANELS = { operations: drawOperations, monkeys: drawMonkeys, events: drawEvents, history: drawHistory, flags: drawFlags };

/** Draws each panel whose document is another than before, and says of which the document is old. */
export function drawPanels(sections, stale) {
  for (const [name, draw] of Object.entries(PANELS)) panel(name, sections[name], stale[name], draw);
}

function panel(name, document, old, draw) {
  const card = byId(name);
  card.hidden = !document && !old;
  setAttribute(card, "data-stale", Boolean(old));
  const mark = byId(`${name}-stale`);
  mark.hidden = !old;
  setText(mark, old ? unreadable(old.error, old.read_at_ms) : "");
  if (shown.get(name) === document) return;
  shown.set(name, document);
  if (document) return draw(document, byId(`${name}-body`));
  byId(`${name}-body`).replaceChildren();
  const count = byId(`${name}-count`);
  if (count) setText(count, "");
}

/** Why something could not be read, and from when what is shown instead is; `readAtMs` is null for nothing. */
export function unreadable(error, readAtMs) {
  const from = typeof readAtMs === "number" ? ` — last from ${clock(readAtMs)}` : "";
  return `could not be read: ${plain(error, 200)}${from}`;
}

const empty = (text) => h("p", { class: "empty", text });

/** The first so many of a list as nodes, and a line that says how many more there are. */
export function cut(list, count, node, tag = "li", word = "more") {
  const rest = list.length - count;
  return [...list.slice(0, count).map(node), ...(rest > 0 ? [h(tag, { class: "more sub", text: `and ${rest} ${word}` })] : [])];
}

function when(ms) {
  return h("time", { datetime: iso(ms), title: iso(ms), text: clock(ms) });
}

function drawEvents({ events = [] }, body) {
  setText(byId("events-count"), events.length ? `latest ${Math.min(events.length, SHOWN.events)}` : "");
  body.replaceChildren(...(events.length ? cut(events, SHOWN.events, eventLine) : [h("li", {}, empty("Nothing has happened yet."))]));
}

/** One event as a line of a timeline. */
export function eventLine(event) {
  const tone = { error: "bad", warning: "warm", notice: "good", info: "idle" }[event.severity] ?? "idle";
  return h("li", { "data-tone": tone },
    h("span", { class: "line" }, when(event.at_ms), h("span", { class: "kind", text: plain(event.kind, 40) })),
    h("span", { class: "text name", text: plain(event.text, 400) }));
}

function drawHistory({ entries = [] }, body) {
  setText(byId("history-count"), entries.length ? `latest ${Math.min(entries.length, SHOWN.history)}` : "");
  body.replaceChildren(...(entries.length ? cut(entries, SHOWN.history, (entry) => {
    const gap = typeof entry.leaderless_ms === "number" && entry.event !== "released" ? `, ${span(entry.leaderless_ms)} without a leader` : "";
    return h("li", { "data-tone": entry.event === "elected" ? "lead" : "idle" },
      h("span", { class: "line" }, when(entry.at_ms), h("span", { class: "kind", text: `epoch ${entry.epoch}` })),
      h("span", { class: "text name" }, h("b", { text: plain(entry.leader, 63) }), ` ${plain(entry.event, 20)}${gap}`),
      h("span", { class: "sub name", text: plain(entry.reason, 200) }));
  }) : [h("li", {}, empty("Nobody has been elected yet."))]));
}

/** How far a step or an operation is, as a tone. */
function toneOf(state) {
  if (/^(done|succeeded|completed|ok)$/.test(state)) return "good";
  if (/fail|error|abort|cancel|timed|compensat/.test(state)) return "bad";
  if (/run|act|progress|start|wait|resum/.test(state)) return "warm";
  return "idle";
}

const ENDED = /^(done|failed|succeeded|cancelled|canceled|aborted|completed|expired)$/;

const isLive = (operation) => !ENDED.test(operation.state ?? "");

// An account grows within a step, too: while an operation is under way it is asked for again after this time.
const ACCOUNT_MS = 3000;

/** What was done in each operation that is shown, by its id. */
const accounts = new Map();
let operationsTold = [];
let operationsShown = [];

function drawOperations({ operations = [] }, body) {
  operationsTold = operations;
  operationsShown = operations.slice(0, SHOWN.operations);
  const live = operations.filter(isLive);
  setText(byId("operations-count"), live.length ? `${live.length} in progress` : "");
  drawCards(body);
  const ids = new Set(operationsShown.map((one) => one.id));
  for (const id of accounts.keys()) if (!ids.has(id)) accounts.delete(id);
  followOperations();
}

function drawCards(body) {
  body.replaceChildren(...(operationsTold.length ? cut(operationsTold, SHOWN.operations, operationCard, "p") : [empty("No operation has run yet.")]));
}

/** Asks for what was done in the operations under way, and once more for one that has just ended. */
export function followOperations() {
  if (byId("operations").hidden) return;
  for (const one of operationsShown) if (one.id && !one.steps && (isLive(one) || accounts.has(one.id))) account(one);
}

async function account(operation) {
  const { id } = operation;
  const mark = `${operation.step} ${operation.state}`;
  const kept = accounts.get(id) ?? { mark: null, askedAt: -Infinity, isAsking: false, lines: [], readAtMs: null, trouble: "" };
  accounts.set(id, kept);
  const now = performance.now();
  if (kept.isAsking || (kept.mark === mark && !isLive(operation))) return;
  // Another step is looked at once; the same one, or one that could not be had, after a while.
  const isOther = kept.mark !== null && kept.mark !== mark;
  if (!isOther && now - kept.askedAt < ACCOUNT_MS) return;
  Object.assign(kept, { mark, askedAt: now, isAsking: true });
  const before = JSON.stringify([kept.lines, kept.trouble]);
  try {
    if (!await has("/v1/operations/{id}")) return;
    kept.lines = (await ask(`/v1/operations/${encodeURIComponent(id)}`))?.lines ?? [];
    Object.assign(kept, { readAtMs: Date.now(), trouble: "" });
  } catch (error) {
    // The lines that are known stay, and it is tried again.
    Object.assign(kept, { mark: null, trouble: String(error.message ?? error) });
  } finally {
    kept.isAsking = false;
  }
  const isSame = JSON.stringify([kept.lines, kept.trouble]) === before;
  if (!isSame && accounts.get(id) === kept) drawCards(byId("operations-body"));
}

/** The lines of an operation's account as steps: the last one of an operation under way is the one it is at. */
function stepsOf(operation) {
  if (Array.isArray(operation.steps)) return operation.steps;
  const lines = accounts.get(operation.id)?.lines ?? [];
  const steps = lines.slice(-SHOWN.steps).map((line) => ({ name: line.text, state: "done", at: Date.parse(line.at) }));
  if (lines.length > steps.length) steps.unshift({ name: `${lines.length - steps.length} earlier`, state: "done" });
  if (isLive(operation) && operation.step) steps.push({ name: operation.step, state: "running" });
  return steps;
}

/** One operation with its steps. */
export function operationCard(operation) {
  const state = plain(operation.state ?? "unknown", 40);
  const target = operation.host ?? operation.target ?? operation.server ?? "";
  const steps = stepsOf(operation);
  const kept = accounts.get(operation.id);
  const started = typeof operation.started === "string" ? Date.parse(operation.started) : operation.started_ms ?? operation.started_at_ms ?? operation.created_ms ?? operation.at_ms;
  return h("article", { class: "operation", "data-tone": toneOf(state) },
    h("div", { class: "line" },
      h("b", { text: plain(operation.kind ?? operation.name ?? "operation", 40) }),
      target ? h("span", { class: "name", text: plain(target, 63) }) : null,
      badge(state, toneOf(state))),
    h("p", { class: "sub name", text: [clock(started), plain(operation.reason ?? operation.why ?? "", 200)].filter((text) => text && text !== "–").join(" · ") }),
    steps.length ? h("ol", { class: "steps", "aria-label": "Steps" }, steps.map((step) => {
      const word = plain(step.state ?? step.outcome ?? "", 30);
      return h("li", { "data-tone": toneOf(word) },
        h("span", { class: "name", text: plain(step.name ?? step.step ?? step.kind ?? "step", 160) }),
        h("span", { class: "sub", text: [step.at ? clock(step.at) : word, typeof step.took_ms === "number" ? span(step.took_ms) : ""].filter(Boolean).join(", ") }));
    })) : null,
    kept?.trouble ? h("p", { class: "stale name", text: `steps ${unreadable(kept.trouble, kept.readAtMs)}` }) : null);
}

function drawMonkeys({ policies = [], holds = [], quarantine = [], paused, provider, machines }, body) {
  const marks = [...holds.map((one) => [one, "held"]), ...quarantine.map((one) => [one, "quarantine"])];
  body.replaceChildren(
    ...(paused ? [h("p", { class: "operation sub name", text: `paused: ${plain(paused, 200)}` })] : []),
    ...policies.map((policy) => h("article", { class: "operation" },
      h("div", { class: "line" }, h("b", { text: plain(policy.name, 40) }),
        badge(plain(policy.mode, 20), policy.mode === "enforce" ? "good" : "idle")),
      h("p", { class: "sub name", text: [policy.sees, policy.thinks].filter(Boolean).map((text) => plain(text, 300)).join(": ") }),
      policy.would ? h("p", { class: "name", text: `would ${plain(policy.would, 200)}` }) : null,
      policy.held_back ? h("p", { class: "sub name", text: `held back: ${plain(policy.held_back, 300)}` }) : null)),
    ...marks.map(([mark, word]) => h("article", { class: "operation" },
      h("div", { class: "line" }, h("b", { class: "name", text: plain(mark.host, 63) }), badge(word, "warm")),
      h("p", { class: "sub name", text: plain(mark.reason, 200) }))),
    ...(provider ? [h("p", { class: "operation sub", text: `provider ${plain(provider, 20)}${typeof machines === "number" ? `, ${counted(machines, "machine")}` : ""}` })] : []),
    ...(policies.length ? [] : [empty("No monkey is at work.")]));
}

function drawFlags(document, body) {
  const flags = Array.isArray(document.flags)
    ? document.flags : Object.entries(document.flags ?? {}).map(([key, value]) => ({ key, ...value }));
  setText(byId("flags-count"), flags.length ? counted(flags.length, "flag") : "");
  const rows = cut(flags, SHOWN.flags, (flag) => {
    const isOn = (flag.state ?? flag.definition?.state ?? "ENABLED") === "ENABLED";
    const variant = flag.default_variant ?? flag.defaultVariant ?? flag.definition?.defaultVariant ?? "";
    // The API tells percent, so that 1 is one of a hundred users and not all of them.
    const share = typeof flag.rollout === "number" ? `${plain(flag.rollout_variant, 30)} for ${percent(flag.rollout / 100)}` : "";
    const word = flag.fault ? "makes no sense" : [share, plain(variant ?? "", 40)].filter(Boolean).join(", else ");
    return h("li", {}, h("span", { class: "name", text: plain(flag.key ?? flag.name ?? "", 80) }),
      h("span", { class: "sub name", text: word }), flag.fault ? badge("fault", "bad", plain(flag.fault, 300)) : badge(isOn ? "on" : "off", isOn ? "good" : "idle"));
  });
  body.replaceChildren(rows.length ? h("ul", { class: "flags" }, rows) : empty("No flag is defined."));
}

/** Lines for people about what somebody should mend. */
export function drawNotices(notices) {
  const node = byId("notices");
  const key = notices.map(({ text, tone }) => `${tone} ${text}`).join("\n");
  if (shown.get("notices") === key) return;
  shown.set("notices", key);
  node.replaceChildren(...cut(notices, SHOWN.notices, ({ text, tone }) => h("li", { class: "banner name", "data-tone": tone, text: plain(text, 500) })));
  setAttribute(node, "hidden", notices.length ? null : true);
}
