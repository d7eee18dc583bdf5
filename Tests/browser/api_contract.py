"""Holds a running agent to docs/openapi.json, and the description to the standard.

    api_contract.py SOCKET API.JSON
"""

import http.client
import json
import pathlib
import re
import socket
import sys

import jsonschema
from openapi_spec_validator import validate


class Agent(http.client.HTTPConnection):
    """A connection to a unix socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=10)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10)
        self.sock.connect(self.path)


def ask(path, method, target):
    agent = Agent(path)
    agent.request(method, target)
    answer = agent.getresponse()
    kind = answer.headers["Content-Type"].split(";")[0]
    body = answer.read(20) if kind == "text/event-stream" else answer.read()
    agent.close()
    return answer.status, kind, body


def sources(file):
    """The agent's sources that name routes."""
    folder = pathlib.Path(file).resolve().parent.parent / "Sources/Peer"
    return "".join(one.read_text(encoding="utf-8") for one in folder.rglob("*.swift"))


def main():
    path, file = sys.argv[1:3]
    with open(file, encoding="utf-8") as content:
        api = json.load(content)
    validate(api)
    count = 0
    for route, operations in api["paths"].items():
        target = route.replace("{file}", "app.js").replace("{address}", "10.0.0.1:1").replace("{name}", "a").replace("{id}", "none").replace("{key}", "none")
        methods = [word for word in operations if word in ("get", "post", "delete", "put", "patch")]
        # What the description does not list is not served.
        status, _, _ = ask(path, "PATCH", target)
        assert status == 405, f"PATCH {route}: {status}"
        if "get" not in methods or "{" in target:
            continue
        status, kind, body = ask(path, "GET", target)
        answers = operations["get"]["responses"]
        assert str(status) in answers, f"GET {route}: {status} is not described"
        content = answers[str(status)]["content"]
        assert kind in content or route.startswith("/dashboard/"), f"GET {route}: {kind} is not described"
        if kind == "application/json":
            schema = {**content[kind]["schema"], "components": api["components"]}
            jsonschema.validate(json.loads(body), schema, jsonschema.Draft202012Validator)
            count += 1
    status, kind, body = ask(path, "GET", "/v1/no-such-route")
    assert (status, kind) == (404, "application/json") and "error" in json.loads(body)
    # Whatever the sources serve is described.
    described = set(api["paths"])
    for found in sorted(set(re.findall(r'"(/(?:v1|ofrep)/[a-z0-9/_.-]+)"', sources(file)))):
        whole = found.rstrip("/")
        assert any(route == whole or route.startswith(whole + "/") for route in described), f"{found} is not described"
    print(f"contract: {len(api['paths'])} routes, {count} documents valid")


main()
