"""A headless Chromium, driven over its DevTools protocol."""

import base64
import itertools
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.request

import websocket

KEYS = {"Enter": 13, "Tab": 9, "Escape": 27, "End": 35, "Home": 36, "ArrowUp": 38, "ArrowDown": 40}
NAMES = ("chromium", "chromium-browser", "google-chrome")


def find():
    """The path of a Chromium, or None."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


class Browser:
    """One browser process with a profile of its own; a context manager."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="troop-browser-")
        arguments = [
            find(), "--headless=new", "--remote-debugging-port=0", f"--user-data-dir={self.folder}",
            "--no-first-run", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
            "--disable-background-networking", "--disable-component-update", "--force-color-profile=srgb",
        ]
        if os.geteuid() == 0:
            arguments.append("--no-sandbox")  # Chromium's sandbox does not work as root
        self.process = subprocess.Popen(
            arguments + ["about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.port = self._port()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _port(self):
        path = os.path.join(self.folder, "DevToolsActivePort")
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                with open(path, encoding="ascii") as file:
                    return int(file.readline())
            except (OSError, ValueError):
                if self.process.poll() is not None:
                    raise RuntimeError("chromium ended at once") from None
                time.sleep(0.05)
        raise RuntimeError("chromium does not open its DevTools port")

    def page(self):
        """A new page."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/json/new?about:blank", method="PUT")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return Page(json.load(answer)["webSocketDebuggerUrl"])


class Page:
    """One page; whatever the browser complains of is in `complaints`, the addresses that it asked in `asked`."""

    def __init__(self, url):
        self.socket = websocket.create_connection(url, timeout=30, suppress_origin=True)
        self.numbers = itertools.count(1)
        self.complaints, self.asked = [], []
        self.traced, self.is_traced = [], False
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method, **parameters):
        """Calls a method and returns its result."""
        number = next(self.numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.socket.recv())
            if message.get("id") == number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]
            self._hear(message)

    def _hear(self, message):
        parameters = message.get("params", {})
        if message.get("method") == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            text = details.get("exception", {}).get("description") or details["text"]
            self.complaints.append(f"exception: {text}")
        elif message.get("method") == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning", "assert"):
            words = " ".join(str(word.get("value", word.get("description"))) for word in parameters["args"])
            self.complaints.append(f"console: {words}")
        elif message.get("method") == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
            entry = parameters["entry"]
            self.complaints.append(f"{entry['source']}: {entry['text']} {entry.get('url', '')}")
        elif message.get("method") == "Tracing.dataCollected":
            self.traced += parameters["value"]
        elif message.get("method") == "Tracing.tracingComplete":
            self.is_traced = True
        elif message.get("method") == "Network.requestWillBeSent":
            self.asked.append(parameters["request"]["url"])

    def trace(self):
        """Ends a trace that `Tracing.start` began; its events."""
        self.traced, self.is_traced = [], False
        self.call("Tracing.end")
        while not self.is_traced:
            self._hear(json.loads(self.socket.recv()))
        return self.traced

    def view(self, width, height, scheme="light", motion="no-preference", scale=1):
        """Sets the size of the view and what the person prefers."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale,
            mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": motion}])

    def open(self, url):
        """Goes to a page and waits until it is loaded."""
        self.run("window.isLeft = true")
        self.call("Page.navigate", url=url)
        self.until("!window.isLeft && document.readyState === 'complete'", f"{url} is loaded")

    def run(self, script):
        """The value of an expression in the page."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"].get("exception", {}).get("description", "?"))
        return result["result"].get("value")

    def until(self, script, what, seconds=20):
        """Waits until an expression is true; says what was waited for when it does not come true."""
        deadline = time.monotonic() + seconds
        while True:
            value = self.run(script)
            if value:
                return value
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds} s: {what}")
            time.sleep(0.05)

    def key(self, key, code=None, text=None):
        """Presses a key."""
        for kind in ("keyDown", "keyUp"):
            more = {"text": text} if text and kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=code or key, **more,
                      windowsVirtualKeyCode=KEYS.get(key, 0))

    def picture(self, path, whole=False):
        """Writes a screenshot as PNG."""
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        with open(path, "wb") as file:
            file.write(base64.b64decode(shot["data"]))
