"""A stand-in for an agent: the page's own files, and a stream of a troop that is made up.

It shows what a small real troop does not have: hundreds of hosts, hostile names, operations half done.
"""

import http.server
import json
import math
import os
import random
import threading
import time
import urllib.parse

PAGE = os.path.join(os.path.dirname(__file__), "../../Sources/Peer/Dashboard/page")
POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
          "base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css"}
HOSTILE = [
    "<img src=x onerror=document.title='owned'>", "\u202egnp.exe\u202c", "a\u0000b\u001b[31mred", "🐒🙈🙉🙊",
    "x" * 10240, "</script><script>document.title='owned'</script>", "&lt;b&gt; \"quoted\" 'single'",
]


class Troop:
    """Hosts whose numbers wander."""

    def __init__(self, hosts=12, hostile=False, seed=1):
        self.random = random.Random(seed)
        self.lock = threading.Lock()
        self.leader, self.epoch, self.reachable, self.silent = "web-01", 1763900000014, True, False
        names = [f"web-{number:02}" for number in range(1, hosts + 1)]
        if hostile:
            names[2:2 + len(HOSTILE)] = HOSTILE
        self.heat = {name: self.random.uniform(0.15, 0.55) for name in names}
        if hosts > 4:
            self.heat[names[3]], self.heat[names[1]] = 0.94, 0.76
        self.names = names
        self.requests = {name: 0.0 for name in names}
        self.lost = {names[-1]} if hosts > 6 else set()
        self.started = time.time() * 1000
        self.clock = 0
        # What other sections there are, and which of them the agent could not read just now.
        self.section_patch, self.stale = {}, {}
        # The numbers of one host alone cannot be had.
        self.is_broken = False
        self.notices, self.store_age = HOSTILE if hostile else [], 42000
        # What operation op-7f3a has written; nobody is told it while it is mute.
        self.lines = ["drain: no new requests", "drained, 0 in flight", "reboot asked of the host's own agent"]
        self.is_mute = False
        self.is_hostile = hostile

    def state(self):
        self.clock += 1
        hosts, servers = {}, {}
        for index, name in enumerate(self.names):
            wave = 0.06 * math.sin(self.clock / 9 + index) + self.random.gauss(0, 0.025)
            cpu = min(0.995, max(0.01, self.heat[name] + wave))
            lost = name in self.lost
            hosts[name] = {
                "name": name, "address": f"10.0.{index // 250}.{index % 250 + 11}",
                "role": "leader" if name == self.leader else "standby", "state": "lost" if lost else "up",
                "cpu": round(cpu, 4), "steal": 0.001, "iowait": 0.004, "cores": 8,
                "memory": round(min(0.97, 0.3 + (index * 37 % 50) / 100 + wave / 8), 4),
                "memory_total_bytes": 16 << 30, "memory_available_bytes": 7 << 30,
                "load1": round(cpu * 8, 2), "load5": round(cpu * 7.6, 2), "load15": round(cpu * 7, 2),
                "pressure_cpu_some": round(cpu * 9, 1), "pressure_memory_some": 0.0, "pressure_io_some": 0.3,
                "report_age_ms": 47000 + self.clock * 1000 if lost else 300, "agent_version": "0.3.0",
                "network_received": 4e6, "network_sent": 9e6, "disk_read": 12e6, "disk_written": 3e6, "disk_busy": 0.31,
                "filesystem_used": 0.62,
            }
            address = f"10.0.{index // 250}.{index % 250 + 11}:3000"
            rate = 0 if lost else 180 * (1 - cpu / 2)
            self.requests[name] += rate * self.random.uniform(0.9, 1.1)
            slow = 2 + 40 * max(0, cpu - 0.6) + self.random.uniform(0, 0.8)
            servers[address] = {
                "address": address, "host": name, "state": "draining" if index == 3 else "active", "weight": 100,
                "healthy": not lost, "requests": int(self.requests[name]), "errors": 0, "in_flight": int(cpu * 9),
                "latency_ms": {"p50": round(slow * 0.6, 2), "p90": round(slow, 2), "p99": round(slow * 2.2, 2)},
                "reason": "doctor: hot for 60 s" if index == 3 else "", "by": "doctor" if index == 3 else "agent",
            }
        for text in HOSTILE if self.is_hostile else []:
            servers[text] = {
                "address": text, "host": "", "state": text, "weight": 100, "healthy": None, "requests": 0, "errors": 0,
                "in_flight": 0, "latency_ms": None, "reason": text, "by": text}
        head = {
            "cluster": "production",
            "store": {"reachable": self.reachable, "error": None if self.reachable else "10.0.0.5:6379: connection refused",
                      "age_ms": 12 if self.reachable else self.store_age},
            "agent": {"host": "web-02", "version": "0.3.0", "election": "follower", "serving": False,
                      "proxy": "0.0.0.0:8080", "tick_us": 190},
            "leader": {"host": self.leader, "epoch": self.epoch, "lease_age_ms": self.clock * 37 % 250}
            if self.reachable else None,
            "notices": self.notices,
        }
        return {"at_ms": int(time.time() * 1000), "head": head, "hosts": hosts, "servers": servers,
                "sections": {**self.sections(), **self.section_patch}, "stale": self.stale}

    def sections(self):
        text = lambda seconds: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.started / 1000 - seconds))
        ago = lambda seconds: int(self.started - seconds * 1000)
        hot = self.names[3] if len(self.names) > 3 else self.names[0]
        # The leader tells most of it, whomever it is about.
        event = lambda seconds, kind, severity, text, host=None, **details: {
            "id": f"{ago(seconds)}-0", "kind": kind, "severity": severity, "text": text, "host": host or self.leader,
            "at_ms": ago(seconds), "details": details}
        flags = [{"key": text, "state": "ENABLED", "default_variant": text, "rollout": 25.0, "rollout_variant": text,
                  "fault": text if number % 2 else None} for number, text in enumerate(HOSTILE if self.is_hostile else [])]
        return self.spoilt({
            "history": {"entries": [
                {"event": "elected", "epoch": self.epoch, "leader": self.leader, "at_ms": ago(640), "leaderless_ms": 3,
                 "reason": "the leader web-07 is proven dead"},
                {"event": "elected", "epoch": self.epoch - 1, "leader": "web-07", "at_ms": ago(90000),
                 "leaderless_ms": 1, "reason": "switchover: kernel update (cli:ada)"},
                {"event": "released", "epoch": self.epoch - 2, "leader": "web-03", "at_ms": ago(90000),
                 "leaderless_ms": None, "reason": "switchover: kernel update (cli:ada)"}]},
            "events": {"malformed": 0, "events": [
                event(3, "operation.step", "info", "op-7f3a: drained, 0 in flight", operation="op-7f3a", step="drain"),
                event(4, "server.state", "notice", f"server 10.0.0.14:3000 went from active to draining by doctor: hot for 60 s", server="10.0.0.14:3000"),
                event(5, "doctor.started", "warning", f"host {hot} was above 90 % CPU for 60 s: draining it", target=hot),
                event(47, "host.lost", "warning", f"host {self.names[-1]} has been silent for 10 s", target=self.names[-1]),
                event(640, "election.promoted", "notice", "web-01 leads: web-07 is proven dead", host="web-01", previous="web-07"),
                event(900, "agent.started", "notice", "the agent of host web-07 started, version 0.3.0", host="web-07"),
                event(5400, "flag.changed", "info", "flag new-checkout: 25 % of users get 'on' (cli:ada)")]},
            "operations": {"operations": [
                {"id": "op-7f3a", "kind": "reboot", "target": hot, "state": "running", "step": "reboot", "started": text(5),
                 "reason": "CPU above 90 % for 60 s (94 % mean)"},
                {"id": "op-7e11", "kind": "launch", "target": "web-12", "state": "done", "step": "done", "started": text(4000),
                 "reason": "mean CPU above 70 % for 60 s"}]},
            "monkeys": {"holds": [], "quarantine": [], "provider": "ec2", "machines": 14, "policies": [
                {"name": "gift", "mode": "enforce", "above_percent": 70, "sees": "mean CPU 41 % of 12 hosts", "thinks": "nothing to do",
                 "would": None, "held_back": None},
                {"name": "doctor", "mode": "enforce", "above_percent": 90, "sees": f"{hot} at 94 %", "thinks": "hot for 60 s",
                 "would": f"reboot {hot}", "held_back": "one at a time"}]},
            "flags": {"flags": flags + [
                {"key": "new-checkout", "state": "ENABLED", "default_variant": "off", "rollout": 25.0, "rollout_variant": "on"},
                {"key": "new-search", "state": "ENABLED", "default_variant": "off", "rollout": 0.5, "rollout_variant": "on"},
                {"key": "new-footer", "state": "ENABLED", "default_variant": "off", "rollout": 1.0, "rollout_variant": "on"},
                {"key": "dark-launch-search", "state": "ENABLED", "default_variant": "v2"},
                {"key": "legacy-banner", "state": "DISABLED", "default_variant": "on"}]},
        })

    def spoilt(self, sections):
        """With texts of anybody's in front of all that is told in words, where the troop is hostile."""
        if not self.is_hostile:
            return sections
        at = int(self.started)
        word = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at / 1000))
        monkeys = sections["monkeys"]
        for rows, row in (
                (sections["history"]["entries"], lambda text: {
                    "event": text, "epoch": self.epoch, "leader": text, "at_ms": at, "leaderless_ms": 1, "reason": text}),
                (sections["events"]["events"], lambda text: {
                    "id": text, "kind": text, "severity": text, "text": text, "host": text, "at_ms": at,
                    "details": {"target": text, text: text}}),
                (sections["operations"]["operations"], lambda text: {
                    "id": text, "kind": text, "target": text, "state": text, "step": text, "started": word, "reason": text}),
                (monkeys["policies"], lambda text: {
                    "name": text, "mode": text, "above_percent": None, "sees": text, "thinks": text, "would": text,
                    "held_back": text, "rail": text}),
                (monkeys["holds"], lambda text: {"host": text, "reason": text}),
                (monkeys["quarantine"], lambda text: {"host": text, "reason": text})):
            rows[:0] = [row(text) for text in HOSTILE]
        monkeys.update(paused=HOSTILE[0], provider=HOSTILE[5])
        return sections


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        path = self.path.split("?")[0]
        if path == "/v1/stream":
            return self.stream()
        if path == "/v1/openapi.json":
            routes = {"/v1/hosts/{name}/history": {}, "/v1/operations/{id}": {}, "/v1/sample": {}}
            return self.document({"paths": routes})
        if path == "/v1/operations/op-7f3a":
            moment = self.server.troop.sections()["operations"]["operations"][0]["started"]
            if self.server.troop.is_mute:
                return self.answer(503, "application/json", b'{"error":"Redis does not answer"}')
            lines = self.server.troop.lines
            return self.document({"lines": [{"at": moment, "step": "drain", "text": text} for text in lines]})
        if urllib.parse.unquote(path.removeprefix("/v1/operations/")) in HOSTILE:
            return self.document({"lines": [{"at": text, "step": text, "text": text} for text in HOSTILE]})
        if self.server.troop.is_broken and (path.endswith("/history") or path == "/v1/sample"):
            return self.answer(503, "application/json", b'{"error":"no memory for an answer"}')
        if path.startswith("/v1/hosts/") and path.endswith("/history"):
            rows, step = (720, 120_000) if "from=24h" in self.path else (900, 1000)
            cpu = [0.5 + 0.4 * math.sin(row / 70) for row in range(rows)]
            cpu[300:340] = [None] * 40
            now = int(time.time() * 1000)
            return self.document({"now_ms": now, "from_ms": now - (rows - 1) * step, "step_ms": step, "series": {
                "cpu": cpu, "memory": [0.4 + row / 9000 for row in range(rows)],
                "latency_p99": [4 + 3 * math.sin(row / 40) ** 2 for row in range(rows)]}})
        if path == "/v1/sample":
            return self.document({
                "processors": [{"cpu": number, "busy": (number * 37 % 100) / 100} for number in range(8)],
                "disks": [{"name": "nvme0n1", "read_bytes": 12e6, "written_bytes": 3e6, "busy": 0.31},
                          {"name": "sdb", "read_bytes": 0, "written_bytes": 512, "busy": 0.004}],
                "network": [{"name": "eth0", "received_bytes": 4e6, "sent_bytes": 9e6},
                            {"name": "wg-troop", "received_bytes": None, "sent_bytes": None}],
                "filesystems": [{"mount_point": "/", "total_bytes": 64 << 30, "used": 0.62},
                                {"mount_point": "/srv/<b>dead</b>", "total_bytes": None, "used": None}]})
        name = "index.html" if path == "/" else os.path.basename(path)
        file = os.path.join(PAGE, name)
        if not (path == "/" or path.startswith("/dashboard/")) or not os.path.isfile(file):
            return self.answer(404, "application/json", b'{"error":"no such path"}')
        with open(file, "rb") as content:
            return self.answer(200, TYPES[os.path.splitext(name)[1]], content.read())

    def document(self, value):
        return self.answer(200, "application/json", json.dumps(value).encode())

    def answer(self, status, kind, body):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", POLICY)
        self.end_headers()
        self.wfile.write(body)

    def stream(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        name = "snapshot"
        try:
            while not self.server.stopping.wait(0 if name == "snapshot" else self.server.beat):
                if self.server.troop.silent:
                    continue
                with self.server.troop.lock:
                    text = json.dumps(self.server.troop.state())
                number = self.server.troop.clock
                self.wfile.write(f"event: {name}\nid: f-{number}\ndata: {text}\n\n".encode())
                self.wfile.flush()
                name = "change"
        except OSError:
            pass


class Server:
    """The stand-in at a free port; a context manager."""

    def __init__(self, beat=1.0, **options):
        self.troop = Troop(**options)
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.http.troop, self.http.beat, self.http.stopping = self.troop, beat, threading.Event()
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/"

    def __enter__(self):
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.http.stopping.set()
        self.http.shutdown()
        self.http.server_close()
