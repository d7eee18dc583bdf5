// The troop as the agent tells it: one stream of server-sent events, read by fetch so that it can carry a token.

/** What is known of the troop. */
export const model = {
  head: null,
  hosts: new Map(),
  servers: new Map(),
  sections: {},
  /** Why sections could not be read just now, and when they were last: `{ error, read_at_ms }` by name. */
  stale: {},
  /** When the last word came, by this browser's clock; 0 before the first. */
  heardAt: 0,
  /** The agent's clock at that word. */
  atMs: 0,
  /** connecting, live, lost or token. */
  line: "connecting",
  trouble: "",
};

const RETRY_MIN = 500;
const RETRY_MAX = 5000;
// A stream that says nothing for so long is dead: the agent speaks every second.
const SILENCE_MAX = 15000;

// A token has no other characters (api.token_file); a request cannot even carry most of them.
const TOKEN = /^[\x21-\x7e]*$/;
const REFUSED = "This is not the agent's token.";

let lastId = "";
let token = TOKEN.test(stored("troop-token")) ? stored("troop-token") : "";
let wake = null;

function stored(key) {
  try { return sessionStorage.getItem(key) ?? ""; } catch { return ""; }
}

/** Sets the token that requests carry, and tries again at once; with one that cannot be right the agent is not asked. */
export function setToken(text) {
  model.trouble = text && TOKEN.test(text) ? "" : REFUSED;
  if (model.trouble) return;
  token = text;
  try { sessionStorage.setItem("troop-token", text); } catch { /* only for this page, then */ }
  wake?.();
}

let description = null;

/** Whether this agent has a route, by its description of itself: asking for what is not there would be an error. */
export async function has(route) {
  description ??= await ask("/v1/openapi.json") ?? {};
  return Object.hasOwn(description.paths ?? {}, route);
}

/** Asks a route; the document, or null where there is none. */
export async function ask(path, signal) {
  const response = await fetch(path, { headers: headers(), cache: "no-store", signal });
  if (response.status === 404) return null;
  if (!response.ok) throw new Error(await reason(response));
  return response.json();
}

function headers(more = {}) {
  return token ? { Authorization: `Bearer ${token}`, ...more } : more;
}

async function reason(response) {
  try { return (await response.json()).error ?? `the agent answers ${response.status}`; }
  catch { return `the agent answers ${response.status}`; }
}

/** Follows the stream for good; `onChange` hears of each new state, `onLine` of the connection. */
export async function follow(onChange, onLine) {
  let wait = RETRY_MIN;
  const line = (state, trouble = "") => {
    model.line = state;
    model.trouble = trouble;
    onLine();
  };
  for (;;) {
    const stop = new AbortController();
    const shown = token;
    try {
      const more = lastId ? { "Last-Event-ID": lastId } : {};
      const response = await fetch("/v1/stream", { headers: headers(more), cache: "no-store", signal: stop.signal });
      // Another one may have been entered meanwhile.
      if (response.status === 401 && token !== shown) continue;
      if (response.status === 401) {
        line("token", token ? REFUSED : "");
        await new Promise((resolve) => { wake = resolve; });
        continue;
      }
      if (response.status === 503) await poll(onChange, line);
      if (!response.ok) throw new Error(await reason(response));
      await read(response.body, stop, (name, text) => {
        if (name === "snapshot") takeSnapshot(JSON.parse(text));
        else if (name === "change") takeChange(JSON.parse(text));
        else return;
        wait = RETRY_MIN;
        if (model.line !== "live") line("live");
        onChange(name);
      });
      line("lost", "the agent ended the stream");
    } catch (error) {
      line("lost", error instanceof TypeError ? "the agent does not answer" : String(error.message ?? error));
    }
    stop.abort();
    await new Promise((resolve) => { wake = resolve; setTimeout(resolve, wait); });
    wait = Math.min(wait * 2, RETRY_MAX);
  }
}

/** Too many readers: what can be had is one state, now and then. */
async function poll(onChange, line) {
  const { hosts, servers, ...head } = await ask("/v1/status");
  // The sections are not asked for: what an earlier stream told of them grows old.
  const old = { error: "the agent has too many readers to tell this one more", read_at_ms: model.atMs };
  const stale = Object.fromEntries(Object.keys(model.sections).map((name) => [name, model.stale[name] ?? old]));
  takeSnapshot({
    at_ms: Date.now(), head, sections: model.sections, stale,
    hosts: Object.fromEntries(hosts.map((host) => [host.name, host])),
    servers: Object.fromEntries(servers.map((server) => [server.address, server])),
  });
  lastId = "";
  line("live");
  onChange("snapshot");
}

async function read(body, stop, onEvent) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let alarm;
  const rearm = () => {
    clearTimeout(alarm);
    alarm = setTimeout(() => stop.abort(new Error("the agent has fallen silent")), SILENCE_MAX);
  };
  let rest = "";
  try {
    for (;;) {
      rearm();
      const { value, done } = await reader.read();
      if (done) return;
      rest += value;
      for (let end = rest.indexOf("\n\n"); end >= 0; end = rest.indexOf("\n\n")) {
        const block = rest.slice(0, end);
        rest = rest.slice(end + 2);
        let name = "message", id = null, data = "";
        for (const row of block.split("\n")) {
          if (row.startsWith("event: ")) name = row.slice(7);
          else if (row.startsWith("id: ")) id = row.slice(4);
          else if (row.startsWith("data: ")) data = row.slice(6);
        }
        model.heardAt = performance.now();
        if (!data) continue;
        onEvent(name, data);
        if (id !== null) lastId = id;
      }
    }
  } finally {
    clearTimeout(alarm);
  }
}

function takeSnapshot(document) {
  model.hosts = new Map(Object.entries(document.hosts ?? {}));
  model.servers = new Map(Object.entries(document.servers ?? {}));
  model.sections = document.sections ?? {};
  model.stale = document.stale ?? {};
  take(document);
}

function takeChange(document) {
  merge(model.hosts, document.hosts);
  merge(model.servers, document.servers);
  for (const [name, body] of Object.entries(document.sections ?? {})) {
    if (body === null) delete model.sections[name]; else model.sections[name] = body;
  }
  if (document.stale) model.stale = document.stale;
  take(document);
}

function take(document) {
  if (document.head) model.head = document.head;
  model.atMs = document.at_ms;
  model.heardAt = performance.now();
}

function merge(table, rows) {
  for (const [key, members] of Object.entries(rows ?? {})) {
    if (members === null) table.delete(key);
    else table.set(key, { ...table.get(key), ...members });
  }
}
