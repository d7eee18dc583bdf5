"""Holds a running agent to docs/openapi.json, and the description to the standard.

    api_contract.py SOCKET API.JSON

It sets a flag of its own for the time that it takes.
"""

import http.client
import json
import pathlib
import re
import socket
import sys
import time

import jsonschema
from openapi_spec_validator import validate

FLAG = "contract"
RULES = "$evaluators"


class Agent(http.client.HTTPConnection):
    """A connection to a unix socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=10)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10)
        self.sock.connect(self.path)


def ask(path, method, target, document=None):
    agent = Agent(path)
    agent.request(method, target, None if document is None else json.dumps(document))
    answer = agent.getresponse()
    kind = answer.headers["Content-Type"].split(";")[0]
    body = answer.read(20) if kind == "text/event-stream" else answer.read()
    agent.close()
    return answer.status, kind, body


def sources(file):
    """The agent's sources that name routes."""
    folder = pathlib.Path(file).resolve().parent.parent / "Sources/Peer"
    return "".join(one.read_text(encoding="utf-8") for one in folder.rglob("*.swift"))


class Contract:
    """What the description says of one agent's answers."""

    def __init__(self, path, api):
        self.path, self.api = path, api
        self.count = 0

    def hold(self, method, route, target, document=None):
        """Asks, and holds the answer to what is written of the route; returns status and body."""
        status, kind, body = ask(self.path, method.upper(), target, document)
        answers = self.api["paths"][route][method]["responses"]
        assert str(status) in answers, f"{method} {target}: {status} is not described"
        content = answers[str(status)]["content"]
        assert kind in content or route.startswith("/dashboard/"), f"{method} {target}: {kind} is not described"
        if kind == "application/json":
            schema = {**content[kind]["schema"], "components": self.api["components"]}
            jsonschema.validate(json.loads(body), schema, jsonschema.Draft202012Validator)
            self.count += 1
        return status, body

    def change(self, method, name, document=None):
        """Changes a flag, as the description has it."""
        status, body = self.hold(method, "/v1/flags/{key}", f"/v1/flags/{name}", document)
        assert status == 200, f"{method} {name}: {status} {body}"


def main():
    path, file = sys.argv[1:3]
    with open(file, encoding="utf-8") as content:
        api = json.load(content)
    validate(api)
    contract = Contract(path, api)
    host = json.loads(ask(path, "GET", "/v1/status")[2])["agent"]["host"]
    contract.change("put", RULES, {"staff": {"ends_with": [{"var": "email"}, "@example.com"]}})
    contract.change("put", FLAG, {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "off"})
    contract.change("post", FLAG, {"rollout": 12.5, "reason": "a try"})
    # A host is remembered once it has reported.
    history = f"/v1/hosts/{host}/history"
    deadline = time.monotonic() + 10
    while ask(path, "GET", history)[0] == 404 and time.monotonic() < deadline:
        time.sleep(0.1)
    values = {"file": "app.js", "address": "10.0.0.1:1", "name": host, "id": "none", "key": FLAG}
    there = {"/v1/flags/{key}", "/v1/hosts/{name}/history"}
    for route, operations in api["paths"].items():
        target = re.sub(r"\{(\w+)\}", lambda found: values[found[1]], route)
        methods = [word for word in operations if word in ("get", "post", "delete", "put", "patch")]
        # What the description does not list is not served.
        status, _, _ = ask(path, "PATCH", target)
        assert status == 405, f"PATCH {route}: {status}"
        if "get" in methods:
            status, body = contract.hold("get", route, target)
            assert status == 200 or route not in there, f"GET {target}: {status} {body}"
    # What is not there has its answer, too.
    for route, target in (("/v1/flags/{key}", "/v1/flags/none"), ("/v1/hosts/{name}/history", "/v1/hosts/none/history")):
        status, _ = contract.hold("get", route, target)
        assert status == 404, f"GET {target}: {status}"
    listed = json.loads(ask(path, "GET", "/v1/flags")[2])
    assert [flag["rollout"] for flag in listed["flags"] if flag["key"] == FLAG] == [12.5], listed
    _, flagset = contract.hold("get", "/v1/flagset", "/v1/flagset")
    contract.hold("post", "/v1/flagset", "/v1/flagset", json.loads(flagset))
    contract.change("delete", FLAG)
    contract.change("delete", RULES)
    status, kind, body = ask(path, "GET", "/v1/no-such-route")
    assert (status, kind) == (404, "application/json") and "error" in json.loads(body)
    # Whatever the sources serve is described.
    described = set(api["paths"])
    for found in sorted(set(re.findall(r'"(/(?:v1|ofrep)/[a-z0-9/_.-]+)"', sources(file)))):
        whole = found.rstrip("/")
        assert any(route == whole or route.startswith(whole + "/") for route in described), f"{found} is not described"
    print(f"contract: {len(api['paths'])} routes, {contract.count} documents valid")


main()
