"""The lab as a cloud: what the exec provider of an agent (provider.py) asks for, over HTTP on the controller's address.

The listener is a process of its own inside the controller's namespace and passes each request to the lab through a
pipe, so that hosts are made by the process that removes them at the end. One token makes one host.
"""

import json
import subprocess
import sys
import threading

from hosts import CONTROLLER, NAMESPACE

PORT = 7300
URL = f"http://{CONTROLLER}:{PORT}/"
SERVER = r'''
import http.server, sys
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
    """All hosts of the lab are its machines; those that it launched itself belong to the cluster."""

    def __init__(self, lab):
        self.lab = lab
        self.launched = {}  # token: host
        self.states = {}
        self.requests = []

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
                request = json.loads(line)
                self.requests.append(request)
                answer = self.answer(request)
            except Exception as fault:  # noqa: BLE001: the provider is to be told whatever went wrong
                answer = {"errorClass": "permanent", "message": f"{type(fault).__name__}: {fault}"}
            self.process.stdin.write(json.dumps(answer) + "\n")
            self.process.stdin.flush()

    def machine(self, host):
        token = next((token for token, launched in self.launched.items() if launched is host), None)
        document = {"id": host.name, "state": self.states.get(host.name, "running"), "privateAddress": host.address}
        return document if token is None else {**document, "operation": token}

    def answer(self, request):
        action = request["action"]
        if action == "launch":
            token = request["token"]
            if token not in self.launched:
                self.launched[token] = self.lab.add()
                self.launched[token].power_on(wait=False)
            return {"machine": self.machine(self.launched[token])}
        if action == "find":
            host = self.launched.get(request["token"])
            return {"machine": self.machine(host)} if host else {}
        if action == "list":
            machines = [self.machine(host) for host in self.launched.values()]
            return {"machines": [machine for machine in machines if machine["state"] != "terminated"]}
        if action == "locate":
            host = next((host for host in self.lab.hosts if host.address == request["address"]), None)
            return {"machine": self.machine(host)} if host else {}
        if action == "check":
            return {"findings": [{"subject": "lab", "verdict": "fine", "text": f"{len(self.lab.hosts)} hosts"}]}
        host = next((host for host in self.lab.hosts if host.name == request["id"]), None)
        if host is None:
            return {"errorClass": "missing", "message": f"there is no host {request['id']}"}
        self.act(host, action)
        return {"machine": self.machine(host)} if action == "describe" else {}

    def act(self, host, action):
        if action == "reboot":
            host.ssh("systemctl --no-block reboot", check=False)
        elif action in ("stop", "terminate"):
            host.power_off()
            self.states[host.name] = "stopped" if action == "stop" else "terminated"
        elif action == "start":
            host.power_on(wait=False)
            self.states.pop(host.name, None)
