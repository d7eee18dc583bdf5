"""A steady load of HTTP requests that counts what fails and why, by the client rule of the end-to-end tests.

A request may be repeated, for at most `patience` seconds, when the connection is refused or ends before the first byte
of an answer. Answers cut after their first byte are counted apart, and so are requests that were taken and not answered
within that time, as by a host that stands still. Everything else is a failure.

Run inside the controller's namespace: load.py ADDRESS PORT RATE SECONDS PATIENCE; prints one JSON object.
"""

import collections
import http.client
import json
import queue
import signal
import socket
import sys
import threading
import time

WORKERS = 32  # and so many requests under way at a time, at most


class Load:
    def __init__(self, address, port, rate, patience):
        self.address, self.port, self.rate, self.patience = address, port, rate, patience
        self.lock = threading.Lock()
        self.answered = self.cut = self.hung = self.retries = 0
        self.longest = 0.0
        self.stall = 0.0
        self.failures = []
        self.by_server = collections.Counter()
        self.stop = threading.Event()
        self.work = queue.Queue(maxsize=rate)

    def worker(self):
        connection = None
        while True:
            begun = self.work.get()
            if begun is None:
                return
            connection = self.exchange(connection, begun)

    def exchange(self, connection, begun):
        while True:
            response, sent = None, False
            try:
                if connection is None:
                    connection = http.client.HTTPConnection(self.address, self.port, timeout=self.patience)
                connection.request("GET", "/", headers={"Host": "lab"})
                sent = True
                response = connection.getresponse()
                body = response.read()
                with self.lock:
                    if response.status == 200:
                        self.answered += 1
                        self.by_server[body.decode(errors="replace").strip()[:40]] += 1
                    else:
                        self.failures.append(f"{response.status} {body[:120].decode(errors='replace')}")
                    self.longest = max(self.longest, time.monotonic() - begun)
                return connection
            except (OSError, http.client.HTTPException) as fault:
                if connection is not None:
                    connection.close()
                connection = None
                with self.lock:
                    if response is not None:
                        self.cut += 1
                        return None
                    if sent and isinstance(fault, TimeoutError):
                        self.hung += 1
                        return None
                    if time.monotonic() - begun > self.patience:
                        self.failures.append(f"{type(fault).__name__}: {fault} for {self.patience} s")
                        return None
                    self.retries += 1
                time.sleep(0.005)

    def pause(self, until):
        """Sleeps, and notes by how much that was longer than asked for: then this machine stood still."""
        begun = time.monotonic()
        wanted = max(0.0, until - begun)
        time.sleep(wanted)
        self.stall = max(self.stall, time.monotonic() - begun - wanted)

    def run(self, seconds):
        threads = [threading.Thread(target=self.worker, daemon=True) for _ in range(WORKERS)]
        for thread in threads:
            thread.start()
        begun = time.monotonic()
        count = 0
        while time.monotonic() - begun < seconds and not self.stop.is_set():
            self.work.put(time.monotonic())
            count += 1
            self.pause(begun + count / self.rate)
        for _ in threads:
            self.work.put(None)
        for thread in threads:
            thread.join(timeout=self.patience + 5)
        return {
            "answered": self.answered, "cut": self.cut, "hung": self.hung, "retries": self.retries, "failed": len(self.failures),
            "failures": dict(collections.Counter(self.failures).most_common(10)),
            "longest_ms": round(self.longest * 1000), "stall_ms": round(self.stall * 1000), "by_server": dict(self.by_server),
        }  # fmt: skip


if __name__ == "__main__":
    socket.setdefaulttimeout(10)
    load = Load(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[5]))
    signal.signal(signal.SIGTERM, lambda *_: load.stop.set())
    print(json.dumps(load.run(float(sys.argv[4]))), flush=True)
