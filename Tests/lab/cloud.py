"""The lab as a cloud: what the exec provider on the leader's host asks for, over HTTP on the controller's address.

It runs in a process of its own inside the controller's namespace and passes each wish to the lab through a pipe, so that
hosts are made by the process that removes them at the end. One token makes one host.
"""

import json
import subprocess
import sys
import threading

from hosts import CONTROLLER, NAMESPACE

PORT = 7300
SERVER = r'''
import http.server, json, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        sys.stdout.write(body.decode().replace("\n", " ") + "\n"); sys.stdout.flush()
        answer = sys.stdin.readline().encode()
        self.send_response(200); self.send_header("Content-Length", str(len(answer))); self.end_headers(); self.wfile.write(answer)
    def log_message(self, *_): pass
http.server.HTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
'''


class Cloud:
    def __init__(self, site):
        self.site = site
        self.launched = []
        self.machines = {}
        self.log = []

    def __enter__(self):
        self.process = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{NAMESPACE}", sys.executable, "-c", SERVER, CONTROLLER, str(PORT)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def _serve(self):
        for line in self.process.stdout:
            try:
                answer = self.answer(json.loads(line))
            except Exception as fault:  # noqa: BLE001: the provider is to be told whatever went wrong
                answer = {"error": {"class": "permanent", "message": f"{type(fault).__name__}: {fault}"}}
            self.process.stdin.write(json.dumps(answer) + "\n")
            self.process.stdin.flush()

    def describe(self, token):
        host, state = self.machines[token]
        return {"id": host.name, "state": state, "private_address": host.address, "operation": token}

    def answer(self, wish):
        self.log.append(wish)
        action = wish.get("action")
        if action == "launch":
            token = wish["token"]
            if token not in self.machines:
                host = self.site.lab.add()
                host.power_on(wait=False)
                self.machines[token] = (host, "running")
                self.launched.append(host)
            return {"machine": self.describe(token)}
        if action == "list":
            return {"machines": [self.describe(token) for token in self.machines]}
        found = [token for token, (host, _) in self.machines.items() if wish.get("id") in (host.name, host.address)]
        if not found:
            return {"error": {"class": "missing", "message": f"no machine {wish.get('id')}"}}
        host, _ = self.machines[found[0]]
        if action == "reboot":
            host.ssh("systemctl reboot", check=False)
        elif action in ("stop", "terminate"):
            host.power_off()
            self.machines[found[0]] = (host, "stopped" if action == "stop" else "terminated")
        elif action == "start":
            host.power_on(wait=False)
            self.machines[found[0]] = (host, "running")
        return {"machine": self.describe(found[0])}
