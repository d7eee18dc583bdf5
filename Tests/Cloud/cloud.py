#!/usr/bin/env python3
"""A cloud for tests: moto's EC2 behind the faults of a real one.

moto makes two instances for one ClientToken, never throttles, never loses an answer and shows everything at once. This
adds what is missing: signatures are checked, tokens are honoured, and faults are played on demand. It keeps a log of
its own of what really happened, which tests count by.

    cloud.py PORT

    POST /test/reset    forgets everything
    GET  /test/log      [{"action", "instance", "token", "operation", "at"}], what was really done, and when it was asked for (ms)
    GET  /test/hanging  {"count"}, how many requests have begun to hang
    POST /test/faults   [{"action", "fault", "count", "type"}], replaces what is still to be played
    POST /test/lag      {"describe": N}: a new instance is not shown in the first N descriptions after its launch
    POST /test/metadata {"role", "expires"}: what the metadata service at /latest serves
    POST /test/made     {"count": N}: {"instances": [...], "allocation"}, N machines and an Elastic IP that none has
    POST /test/machines {"command": [...]}: instances have addresses of the loopback network (127.31.x.y), and the program
                        is run with the action and that address when an instance is rebooted, stopped, started, terminated
    GET  /test/parked   {"parked": N}: requests that wait
    POST /test/release  lets them go on

The metadata service is also at /as/INSTANCE/latest, as that instance's own.

Faults: throttle, unavailable (503 in EC2's words), html, empty, truncated, schema (well-formed, another root), hang,
lost (done, but the connection ends before the answer), silent (done, and no answer for an hour), capacity, denied, expired,
doctype, deep, parked (held before it is done, until it is released), held (the same after it is done).
"""

import hashlib
import hmac
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server
from werkzeug.test import Client

KEYS = {"AKIDTEST": "test+secret/key", "AKIDROLE": "role/secret+key"}
TOKENS = {"AKIDROLE": "role-session-token=="}
CHANGES = {"RunInstances", "RebootInstances", "StopInstances", "StartInstances", "TerminateInstances", "AssociateAddress"}


def error(status, code, message="played by the test's cloud"):
    body = (
        '<?xml version="1.0" encoding="UTF-8"?><Response><Errors><Error>'
        f"<Code>{code}</Code><Message>{message}</Message></Error></Errors>"
        "<RequestID>00000000-0000-0000-0000-000000000000</RequestID></Response>"
    )
    return status, body.encode()


class Cloud:
    def __init__(self):
        self.moto = DomainDispatcherApplication(create_backend_app)
        self.lock = threading.RLock()
        self.reset()

    def reset(self):
        Client(self.moto).post("/moto-api/reset", base_url="http://localhost")
        self.log, self.faults, self.launched, self.hidden = [], [], {}, {}
        self.lag, self.hanging = 0, 0
        self.command, self.addresses, self.real = None, {}, {}
        self.parked, self.gate = 0, threading.Event()
        self.metadata = {"role": None, "expires": None, "asked": 0}

    def __call__(self, environ, start_response):
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(length)
        path = environ["PATH_INFO"]
        if path.startswith("/test/"):
            return self.control(environ, start_response, path, body)
        own = re.fullmatch(r"(?:/as/(i-[0-9a-f]+))?(/latest/.*)", path)
        if own:
            return self.serve_metadata(environ, start_response, own.group(2), own.group(1) or "i-0123456789abcdef0")
        status, answer = self.ec2(environ, body)
        start_response(f"{status} {'OK' if status == 200 else 'Error'}", [("Content-Type", "text/xml")])
        return [answer]

    def control(self, environ, start_response, path, body):
        with self.lock:
            if path == "/test/reset":
                self.reset()
            elif path == "/test/faults":
                self.faults = json.loads(body)
            elif path == "/test/lag":
                self.lag = json.loads(body)["describe"]
            elif path == "/test/metadata":
                self.metadata.update(json.loads(body))
            elif path == "/test/machines":
                self.command = json.loads(body)["command"]
            elif path == "/test/release":
                self.gate.set()
                self.gate = threading.Event()
            made = self.make_machines(json.loads(body)["count"]) if path == "/test/made" else {}
            known = {
                "/test/log": self.log, "/test/metadata": self.metadata, "/test/hanging": {"count": self.hanging},
                "/test/parked": {"parked": self.parked}}
            answer = json.dumps(known.get(path, made))
        start_response("200 OK", [("Content-Type", "application/json")])
        return [answer.encode()]

    def make_machines(self, count):
        def ask(**form):
            # moto reads service and region off the signature, and does not check it.
            scope = "AWS4-HMAC-SHA256 Credential=AKIDTEST/20260101/us-east-1/ec2/aws4_request, SignedHeaders=host, Signature=0"
            answer = Client(self.moto).post(
                "/", base_url="http://ec2.us-east-1.amazonaws.com", data=form, headers={"Authorization": scope})
            return answer.get_data(as_text=True)

        made = ask(Action="RunInstances", ImageId="ami-12c6146b", MinCount=count, MaxCount=count)
        address = ask(Action="AllocateAddress", Domain="vpc")
        return {
            "instances": re.findall(r"<instanceId>(i-[0-9a-f]+)</instanceId>", made),
            "allocation": re.search(r"<allocationId>([^<]+)</allocationId>", address).group(1),
        }

    def serve_metadata(self, environ, start_response, path, instance):
        def answer(status, text):
            start_response(f"{status} -", [("Content-Type", "text/plain")])
            return [text.encode()]

        role, expires = self.metadata["role"], self.metadata["expires"]
        if path == "/latest/api/token":
            is_put = environ["REQUEST_METHOD"] == "PUT"
            has_ttl = environ.get("HTTP_X_AWS_EC2_METADATA_TOKEN_TTL_SECONDS", "").isdigit()
            return answer(200, "metadata-token") if is_put and has_ttl else answer(403, "")
        if environ.get("HTTP_X_AWS_EC2_METADATA_TOKEN") != "metadata-token":
            return answer(401, "")
        base = "/latest/meta-data/iam/security-credentials/"
        if path == base and role:
            return answer(200, role)
        if role and path == base + role:
            self.metadata["asked"] += 1
            keys = {"Code": "Success", "AccessKeyId": "AKIDROLE", "SecretAccessKey": KEYS["AKIDROLE"],
                    "Token": TOKENS["AKIDROLE"], "Expiration": expires}
            return answer(200, json.dumps(keys))
        if path == "/latest/meta-data/placement/region":
            return answer(200, "us-east-1")
        if path == "/latest/meta-data/instance-id":
            return answer(200, instance)
        return answer(404, "")

    # What a signature of version 4 must be, from the request as it arrived.
    def is_signed(self, environ, body):
        match = re.fullmatch(
            r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, ?"
            r"SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})", environ.get("HTTP_AUTHORIZATION", ""))
        if not match:
            return False
        key, day, region, service, names, signature = match.groups()
        if key not in KEYS or service != "ec2" or environ.get("HTTP_X_AMZ_SECURITY_TOKEN") != TOKENS.get(key):
            return False
        headers = names.split(";")
        if not {"host", "x-amz-date"} <= set(headers) or (key in TOKENS and "x-amz-security-token" not in headers):
            return False

        def value(name):
            if name == "content-type":
                return environ.get("CONTENT_TYPE", "")
            return environ.get("HTTP_" + name.upper().replace("-", "_"), "")

        canonical = "\n".join(
            [environ["REQUEST_METHOD"], environ["PATH_INFO"] or "/", environ.get("QUERY_STRING", "")]
            + [f"{name}:{' '.join(value(name).split())}" for name in headers]
            + ["", names, hashlib.sha256(body).hexdigest()])
        stamp = value("x-amz-date")
        text = "\n".join(["AWS4-HMAC-SHA256", stamp, f"{day}/{region}/ec2/aws4_request",
                          hashlib.sha256(canonical.encode()).hexdigest()])
        secret = ("AWS4" + KEYS[key]).encode()
        for part in (day, region, service, "aws4_request"):
            secret = hmac.new(secret, part.encode(), hashlib.sha256).digest()
        return hmac.compare_digest(hmac.new(secret, text.encode(), hashlib.sha256).hexdigest(), signature)

    def ec2(self, environ, body):
        form = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True))
        action = form.get("Action", "")
        if environ["REQUEST_METHOD"] != "POST" or not self.is_signed(environ, body):
            return error(403, "SignatureDoesNotMatch")
        fault = self.fault(action, form)
        early = {
            "throttle": lambda: error(503, "RequestLimitExceeded", "Request limit exceeded."),
            "unavailable": lambda: error(503, "Unavailable"),
            "capacity": lambda: error(500, "InsufficientInstanceCapacity"),
            "denied": lambda: error(403, "UnauthorizedOperation", "You are not authorized."),
            "expired": lambda: error(400, "ExpiredToken"),
            "html": lambda: (502, b"<html><body><h1>502 Bad Gateway</h1><hr></body></html>"),
            "empty": lambda: (200, b""),
            "doctype": lambda: (200, b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'),
            "deep": lambda: (200, b"<a>" * 5000),
        }
        if fault in early:
            return early[fault]()
        if fault == "hang":
            self.hanging += 1
            time.sleep(3600)
        if fault == "parked":
            self.park()
        environ["test.at"] = int(time.time() * 1000)
        status, answer = self.perform(environ, body, action, form)
        if fault == "held":
            self.park()
        if fault == "silent":
            time.sleep(3600)
        if fault == "lost":
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        elif fault == "truncated":
            answer = answer[: len(answer) // 2]
        elif fault == "schema":
            answer = b"<ListBucketResult><Name>x</Name></ListBucketResult>"
        return status, answer

    def park(self):
        with self.lock:
            self.parked += 1
            gate = self.gate
        gate.wait(120)
        with self.lock:
            self.parked -= 1

    def fault(self, action, form):
        with self.lock:
            for fault in self.faults:
                wanted = fault.get("type")
                if fault["action"] != action or fault["count"] <= 0 or (wanted and form.get("InstanceType") != wanted):
                    continue
                fault["count"] -= 1
                return fault["fault"]
        return None

    def perform(self, environ, body, action, form):
        with self.lock:
            token = form.get("ClientToken")
            is_dry = form.get("DryRun") == "true"
            if action == "RunInstances" and token in self.launched and not is_dry:
                known, status, answer = self.launched[token]
                return (status, answer) if known == body else error(400, "IdempotentParameterMismatch")
            status, answer = self.ask_moto(environ, body)
            if status != 200 or is_dry:
                return status, answer
            if action == "RunInstances":
                self.launched[token] = (body, status, answer)
                for instance in re.findall(rb"<instanceId>(i-[0-9a-f]+)</instanceId>", answer):
                    self.hidden[instance.decode()] = self.lag
            if action in CHANGES:
                instance = form.get("InstanceId.1") or form.get("InstanceId")
                found = re.search(rb"<instanceId>(i-[0-9a-f]+)</instanceId>", answer)
                self.log.append({
                    "at": environ["test.at"], "action": action, "token": token or "", "operation": self.tag(form, "troop:operation"),
                    "instance": instance or (found.group(1).decode() if found else "")})
                self.act(action, instance)
            if action == "DescribeInstances":
                return self.described(form, status, answer)
            return status, answer

    def described(self, form, status, answer):
        hidden = [name for name, left in self.hidden.items() if left > 0 and name.encode() in answer]
        for name in hidden:
            self.hidden[name] -= 1
            if form.get("InstanceId.1") == name:
                return error(400, "InvalidInstanceID.NotFound", f"The instance ID '{name}' does not exist")
            # One launch makes one reservation.
            answer = re.sub(
                rb"<item>\s*<reservationId>(?:(?!<reservationId>).)*?" + name.encode()
                + rb".*?</instancesSet>\s*</item>", b"", answer, flags=re.S)
        return status, answer

    @staticmethod
    def tag(form, key):
        for name, value in form.items():
            if name.startswith("TagSpecification.1.Tag.") and name.endswith(".Key") and value == key:
                return form.get(name[:-3] + "Value", "")
        return ""

    def act(self, action, instance):
        """What an instance of this cloud really is: whatever the test's program does at its address."""
        address = self.addresses.get(instance)
        if self.command and address and action != "RunInstances":
            subprocess.Popen(self.command + [action, address], stdin=subprocess.DEVNULL, start_new_session=True)

    def ask_moto(self, environ, body):
        for shown, real in self.real.items():
            body = body.replace(shown, real)
        status, answer = self.ask_moto_alone(environ, body)
        if not self.command:
            return status, answer

        def shown(found):
            text = b"127.31" + found.group(2)
            self.real[text] = found.group(0)
            return text

        # moto's addresses are 10.0.0.0/8 outside of a subnet and 172.31.0.0/16 within.
        answer = re.sub(rb"\b(10\.\d+|172\.31)(\.\d+\.\d+)\b", shown, answer)
        for found in re.finditer(rb"<instanceId>(i-[0-9a-f]+)</instanceId>(?:(?!<instanceId>).)*?<privateIpAddress>"
                                 rb"(127\.31\.\d+\.\d+)", answer, re.S):
            self.addresses[found.group(1).decode()] = found.group(2).decode()
        return status, answer

    def ask_moto_alone(self, environ, body):
        import io

        inner = dict(environ)
        inner["wsgi.input"] = io.BytesIO(body)
        inner["CONTENT_LENGTH"] = str(len(body))
        told = {}

        def start_response(status, headers, exc_info=None):
            told["status"] = int(status.split()[0])

        answer = b"".join(self.moto(inner, start_response))
        return told["status"], answer


def end_with(parent):
    """Whoever started this may be killed; nothing is left behind then."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    server = make_server("127.0.0.1", int(sys.argv[1]), Cloud(), threaded=True)
    print("ready", flush=True)
    server.serve_forever()
