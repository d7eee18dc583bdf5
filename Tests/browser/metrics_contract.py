"""Reads a live agent's metrics in both formats with Prometheus' own readers, and holds the one to the other.

    metrics_contract.py HOST:PORT
"""

import http.client
import re
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_open
from prometheus_client.parser import text_string_to_metric_families as read_plain

PLAIN = "text/plain; version=0.0.4; charset=utf-8"
OPEN = "application/openmetrics-text; version=1.0.0; charset=utf-8"
# What a client accepts, and what it gets.
CHOICES = [
    (None, PLAIN), ("*/*", PLAIN), ("text/plain", PLAIN), ("text/html, */*;q=0.1", PLAIN), ("application/json", PLAIN), (OPEN, OPEN),
    ("application/openmetrics-text", OPEN), ("application/openmetrics-text;q=0.5,text/plain;q=0.9", PLAIN),
    ("text/plain;q=0.9,application/openmetrics-text;q=0.5", PLAIN), ("application/openmetrics-text;q=0.9,text/plain;q=0.5", OPEN),
    ("text/plain;q=0.5 , application/openmetrics-text ; q=0.5", OPEN), ("application/openmetrics-text;q=0", PLAIN),
    ("application/openmetrics-text;q=0.001, text/plain;q=0", OPEN), ("application/openmetrics-text;version=0.0.1,*/*;q=0.1", PLAIN),
    ("application/openmetrics-text;version=2.0.0;q=0.9,application/openmetrics-text;version=1.0.0;q=0.8,text/plain;q=0.7", OPEN),
    # As Prometheus 3 asks.
    ("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,"
     "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2", OPEN),
]


def ask(address, accept, method="GET"):
    """The media type and the text of the metrics."""
    agent = http.client.HTTPConnection(address, timeout=10)
    agent.request(method, "/metrics", headers={"Accept": accept} if accept else {})
    answer = agent.getresponse()
    body = answer.read()
    agent.close()
    assert answer.status == 200 and answer.headers["Vary"] == "Accept", f"{accept}: {answer.status} {answer.headers}"
    if method == "GET":
        assert int(answer.headers["Content-Length"]) == len(body), accept
    return answer.headers.get_all("Content-Type"), body.decode("utf-8")


def families(text, read):
    """Each family by its name: its kind, and the values of its series."""
    found = {}
    for family in read(text):
        assert family.name not in found, f"{family.name} is told twice"
        assert family.documentation, f"{family.name} has no help"
        series = {}
        for sample in family.samples:
            # The formats write the same bound differently.
            labels = {name: float(value) if name == "le" else value for name, value in sample.labels.items()}
            key = (sample.name, tuple(sorted(labels.items())))
            assert key not in series, f"{key} is told twice"
            series[key] = sample.value
        found[family.name] = (family.type, series)
    return found


def suffixes(text, is_open):
    """Counters end in `_total`, in plain text by their own names and in OpenMetrics by their samples'."""
    blocks = re.split(r"^# HELP ", text, flags=re.M)[1:]
    assert len(blocks) > 100, f"{len(blocks)} families"
    for block in blocks:
        (name, kind), = re.findall(r"^# TYPE (\S+) (\S+)$", block, re.M)
        told = set(re.findall(r"^(\w+)(?:\{.*\})? \S+$", block.split("\n", 1)[1], re.M))
        if kind != "counter":
            assert not name.endswith("_total"), f"{name} is a {kind}"
            continue
        assert name.endswith("_total") != is_open, name
        assert told <= {f"{name}_total" if is_open else name}, f"{name}: {told}"


def formats(address):
    """One format between two of the other: what is told in all of them is the same, and counters rise."""
    kind, before = ask(address, None)
    assert kind == [PLAIN], kind
    kind, text = ask(address, "application/openmetrics-text; version=1.0.0")
    assert kind == [OPEN], kind
    _, after = ask(address, "text/plain")
    assert text.endswith("\n# EOF\n") and text.count("# EOF") == 1 and "# EOF" not in before
    assert before.endswith("\n") and "\r" not in before + text and "\n\n" not in before + text
    suffixes(before, False)
    suffixes(text, True)
    first, opened, last = families(before, read_plain), families(text, read_open), families(after, read_plain)
    assert first.keys() == opened.keys() == last.keys(), first.keys() ^ opened.keys()
    count = 0
    for name, (kind, series) in opened.items():
        assert first[name][0] == kind == last[name][0], f"{name}: {first[name][0]} and {kind}"
        (_, low), (_, high) = first[name], last[name]
        assert low.keys() & high.keys() <= series.keys() <= low.keys() | high.keys(), f"{name}: other series"
        count += len(series)
        # The kernel's own counters may step back.
        if kind in ("counter", "histogram") and name.startswith("troop_"):
            for key in low.keys() & high.keys():
                assert low[key] <= series[key] <= high[key], f"{key}: {low[key]}, {series[key]}, {high[key]}"
    return len(opened), count


def main():
    address = sys.argv[1]
    told, series = formats(address)
    for accept, expected in CHOICES:
        for method in ("GET", "HEAD"):
            kind, text = ask(address, accept, method)
            assert kind == [expected], f"{method} {accept}: {kind}"
            assert bool(text) == (method == "GET"), f"{method} {accept}: {len(text)} bytes"
            assert text.endswith("# EOF\n") == (expected == OPEN and method == "GET"), f"{method} {accept}"
    print(f"metrics: {told} families, {series} series, {len(CHOICES)} choices")


main()
