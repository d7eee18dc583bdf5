"""Holds a running agent to docs/openapi.json, and the description to the standard.

    api_contract.py SOCKET API.JSON OPERATION

It sets flags and a server of its own for the time that it takes, pauses the troop, and hands the lease over in the end: the
agent is one that leads, and there is another. OPERATION is the id of one that has ended.
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
SERVER = "127.0.0.1:9"


class Agent(http.client.HTTPConnection):
    """A connection to a unix socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=10)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10)
        self.sock.connect(self.path)


def ask(path, method, target, document=None, fields=None):
    status, got, body = answer_of(path, method, target, document, fields)
    return status, got.get("Content-Type", "").split(";")[0], body


def answer_of(path, method, target, document=None, fields=None):
    """The status, the fields and the body of an answer."""
    agent = Agent(path)
    agent.request(method, target, None if document is None else json.dumps(document), fields or {})
    answer = agent.getresponse()
    is_stream = answer.headers.get("Content-Type", "").startswith("text/event-stream")
    body = answer.read(20) if is_stream else answer.read()
    agent.close()
    return answer.status, answer.headers, body


def sources(file):
    """The agent's sources that name routes."""
    folder = pathlib.Path(file).resolve().parent.parent / "Sources/Peer"
    return "".join(one.read_text(encoding="utf-8") for one in folder.rglob("*.swift"))


def closed(schema):
    """A schema that refuses members which it does not name: what is answered is described. Maps say themselves what they hold."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: {key: closed(one) for key, one in value.items()} if name in ("properties", "schemas") else closed(value)
             for name, value in schema.items()}
    if isinstance(schema.get("properties"), dict):
        found.setdefault("additionalProperties", False)
    return found


class Contract:
    """What the description says of one agent's answers."""

    def __init__(self, path, api):
        self.path, self.api = path, api
        self.count = 0

    def hold(self, method, route, target, document=None, fields=None):
        """Asks, and holds the answer to what is written of the route; returns status and body."""
        status, kind, body = ask(self.path, method.upper(), target, document, fields)
        answers = self.api["paths"][route][method]["responses"]
        assert str(status) in answers, f"{method} {target}: {status} is not described"
        content = answers[str(status)].get("content")
        if content is None:
            assert not body, f"{method} {target}: a body that is not described"
            return status, body
        assert kind in content or route.startswith("/dashboard/"), f"{method} {target}: {kind} is not described"
        if kind == "application/json":
            self.validate(json.loads(body), content[kind]["schema"], f"{method} {target}")
        return status, body

    def validate(self, document, schema, what):
        """Holds a document to a schema, and to no more than is in it."""
        whole = closed({**schema, "components": self.api["components"]})
        try:
            jsonschema.validate(document, whole, jsonschema.Draft202012Validator)
        except jsonschema.ValidationError as fault:
            sys.exit(f"{what}: {fault.json_path}: {fault.message[:300]}")
        self.count += 1

    def done(self, method, route, document=None, target=None):
        """Asks for a change that is made; returns what became of it."""
        status, body = self.hold(method, route, target or route, document)
        assert status == 200, f"{method} {target or route} {document}: {status} {body}"
        return json.loads(body)

    def change(self, method, name, document=None):
        """Changes a flag, as the description has it."""
        status, body = self.hold(method, "/v1/flags/{key}", f"/v1/flags/{name}", document)
        assert status == 200, f"{method} {name}: {status} {body}"


def evaluations(contract):
    """What applications ask: flags that have a value, that leave it to the application, and that cannot be evaluated."""
    strange = {"var": "strange"}
    variants = {"on": {"rows": [1, 2.5]}, "off": {}}
    contract.change("put", "contract-off", {"state": "DISABLED", "variants": variants, "defaultVariant": "off"})
    contract.change("put", "contract-rule", {
        "state": "ENABLED", "variants": variants, "defaultVariant": "off", "targeting": strange,
        "metadata": {"team": "web", "cost": 1.5, "old": False}})
    one, every = "/ofrep/v1/evaluate/flags/{key}", "/ofrep/v1/evaluate/flags"
    context = {"context": {"targetingKey": "user-1", "strange": "on"}}
    odd = {"context": {"targetingKey": "user-1", "strange": "no variant"}}
    for key, document, expected, member in (
            (FLAG, context, 200, ("key", FLAG)), ("contract-rule", context, 200, ("value", variants["on"])),
            ("contract-off", None, 200, ("reason", "DISABLED")), ("contract-rule", odd, 400, ("errorCode", "GENERAL")),
            (FLAG, [], 400, ("errorCode", "PARSE_ERROR")), (FLAG, {"context": 7}, 400, ("errorCode", "INVALID_CONTEXT")),
            ("none", context, 404, ("errorCode", "FLAG_NOT_FOUND"))):
        status, body = contract.hold("post", one, f"{every}/{key}", document)
        assert status == expected and json.loads(body)[member[0]] == member[1], f"{key} {document}: {status} {body}"
    status, body = contract.hold("post", every, every, odd)
    found = {flag["key"]: flag for flag in json.loads(body)["flags"]}
    assert status == 200 and found["contract-rule"]["errorCode"] == "GENERAL" and "value" not in found["contract-off"], body
    status, body = contract.hold("post", every, every, [])
    assert status == 400 and "key" not in json.loads(body), f"{status} {body}"
    _, fields, _ = answer_of(contract.path, "POST", every, context)
    status, body = contract.hold("post", every, every, context, {"If-None-Match": fields["ETag"]})
    assert status == 304, f"{status} {body}"
    for key in ("contract-off", "contract-rule"):
        contract.change("delete", key)


def servers(contract):
    """An entry that no request is sent to comes and goes."""
    one = {"address": SERVER, "state": "out", "reason": "a try", "by": "contract"}
    outcomes = [contract.done("post", "/v1/servers", one)["outcome"] for _ in range(2)]
    _, body = contract.hold("get", "/v1/servers", "/v1/servers")
    assert SERVER in [server["address"] for server in json.loads(body)["servers"]], body
    target = f"/v1/servers/{SERVER}?by=contract&reason=enough"
    outcomes += [contract.done("delete", "/v1/servers/{address}", target=target)["outcome"] for _ in range(2)]
    assert outcomes == ["added", "replaced", "removed", "absent"], outcomes


def remedies(contract, host, operation):
    """What people ask of the leader, but for what launches or reboots a machine."""
    for form in ({"do": "monkeys-pause", "reason": "a try"}, {"do": "monkeys-resume"}, {"do": "hold", "target": host},
                 {"do": "unhold", "target": host}, {"do": "mode", "target": "gift", "value": "observe"},
                 {"do": "mode", "target": "gift", "value": "default"}):
        assert contract.done("post", "/v1/remedies", form)["text"], form
    status, body = contract.hold("post", "/v1/remedies", "/v1/remedies", {"do": "gift", "value": "abc"})
    assert status == 400, f"{status} {body}"
    for query in ("", "?log=0", "?log=1"):
        found = contract.done("get", "/v1/operations/{id}", target=f"/v1/operations/{operation}{query}")
        assert found["id"] == operation and found["lines"], found
    assert contract.hold("get", "/v1/operations/{id}", f"/v1/operations/{operation}?log=yes")[0] == 400


def pauses(contract):
    """A pause begins and ends once."""
    told = [contract.done("post", f"/v1/{word}", {"reason": "a try", "by": "contract"})
            for word in ("pause", "pause", "resume", "resume")]
    paused = [(one["paused"], one["changed"]) for one in told]
    assert paused == [(True, True), (True, False), (False, True), (False, False)], paused


def strangers(contract):
    """A parameter that a route does not know is refused, as it is described."""
    for route, operations in contract.api["paths"].items():
        if route.startswith("/v1/") and "get" in operations:
            target = re.sub(r"\{\w+\}", "none", route)
            status, body = contract.hold("get", route, f"{target}?cuont=5")
            assert status == 400 and "'cuont'" in json.loads(body)["error"], f"GET {target}: {status} {body}"


def events(answer):
    """The events of a stream, with their data."""
    name = None
    while line := answer.readline():
        word, _, rest = line.decode().rstrip("\n").partition(": ")
        if word == "event":
            name = rest
        elif word == "data":
            yield name, json.loads(rest)


def stream(contract):
    """The snapshot, and the changes as a server comes and goes."""
    schemas = contract.api["components"]["schemas"]
    # Of a host or a server only what is different is told.
    parts = {kind: {**schemas[name], "required": []} for kind, name in (("hosts", "Host"), ("servers", "Server"))}
    agent = Agent(contract.path)
    agent.request("GET", "/v1/stream")
    told = events(agent.getresponse())
    name, document = next(told)
    assert name == "snapshot" and document["hosts"], (name, document)
    contract.validate(document, schemas["StreamSnapshot"], "snapshot")

    def until(holds):
        for name, document in told:
            assert name == "change", name
            contract.validate(document, schemas["StreamChange"], "change")
            for kind, schema in parts.items():
                for row in document.get(kind, {}).values():
                    if row is not None:
                        contract.validate(row, schema, f"change of {kind}")
            servers = document.get("servers", {})
            if SERVER in servers and holds(servers[SERVER]):
                return
        sys.exit("the stream ended")

    contract.done("post", "/v1/servers", {"address": SERVER, "state": "out"})
    until(lambda row: row is not None and row["state"] == "out")
    contract.done("delete", "/v1/servers/{address}", target=f"/v1/servers/{SERVER}")
    until(lambda row: row is None)
    agent.close()


def handover(contract, host):
    """The last thing: afterwards this agent leads no more."""
    told = contract.done("post", "/v1/switchover", {"reason": "a try", "by": "contract"})
    assert told["from"] == host and told["to"] != host, told


def main():
    path, file, operation = sys.argv[1:4]
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
    evaluations(contract)
    servers(contract)
    remedies(contract, host, operation)
    pauses(contract)
    strangers(contract)
    stream(contract)
    contract.change("delete", FLAG)
    contract.change("delete", RULES)
    status, kind, body = ask(path, "GET", "/v1/no-such-route")
    assert (status, kind) == (404, "application/json") and "error" in json.loads(body)
    # Whatever the sources serve is described.
    described = set(api["paths"])
    for found in sorted(set(re.findall(r'"(/(?:v1|ofrep)/[a-z0-9/_.-]+)"', sources(file)))):
        whole = found.rstrip("/")
        assert any(route == whole or route.startswith(whole + "/") for route in described), f"{found} is not described"
    handover(contract, host)
    print(f"contract: {len(api['paths'])} routes, {contract.count} documents valid")


main()
