"""Shows the dashboard a made-up troop: hostile names, sections that agents may have, silence, 500 hosts.

    dashboard_fixture.py PICTURES
"""

import os
import sys
import time

from chromium import Browser
from fixture import Server

ROWS = "document.querySelectorAll('#grid-body .row').length"
VIEWS = [(1280, 900, "light"), (1280, 900, "dark"), (400, 860, "light"), (400, 860, "dark")]


def sections(page, server, pictures):
    page.open(server.url)
    for name in ("operations", "monkeys", "events", "history", "flags"):
        page.until(f"!document.getElementById('{name}').hidden", f"the section {name}")
    page.until("document.querySelectorAll('#operations-body .steps li').length === 4", "the steps of the operation under way")
    for width, height, scheme in VIEWS:
        page.view(width, height, scheme)
        page.until(f"innerWidth === {width} && {ROWS} > 3", "the rows at this size")
        time.sleep(0.5)  # for the picture alone: lines a few values long
        page.picture(os.path.join(pictures, f"fixture-{width}-{scheme}.png"))
    page.view(1280, 900)
    server.troop.section_patch = {"flags": None, "operations": None}
    page.until("document.getElementById('flags').hidden && document.getElementById('operations').hidden",
               "sections that are gone are hidden")
    server.troop.section_patch = {}


def detail(page, server, pictures):
    page.open(server.url)
    page.until(f"{ROWS} > 3", "the rows")
    page.run("[...document.querySelectorAll('#grid-body .open')].find((one) => one.textContent === 'web-02').click()")
    page.until("document.querySelectorAll('.cores .core').length === 8", "the cores of the agent's own host")
    page.until("/From the agents/.test(document.getElementById('detail-body').textContent)", "the history from the agent")
    path = page.run("document.querySelector('.plot.cpu .line').getAttribute('d')")
    assert path.count("M") == 2, "what was not known is a gap and no line"
    assert page.run("[...document.querySelectorAll('#detail figcaption')].map((one) => one.textContent).join()") == "CPU,Memory,Latency p99"
    page.picture(os.path.join(pictures, "fixture-detail.png"))
    page.run("[...document.querySelectorAll('#detail .chip')].find((one) => one.textContent === '24 hours').click()")
    page.until("/every 2 min/.test(document.getElementById('detail-body').textContent)", "a whole day from the agent")
    page.picture(os.path.join(pictures, "fixture-detail-day.png"))
    page.key("Escape")
    page.until("!document.getElementById('detail').open", "the detail closes")


def staleness(page, server):
    page.open(server.url)
    page.until("document.getElementById('pulse-text').textContent === 'live'", "live")
    server.troop.reachable = False
    page.until("document.querySelector('.tile.leader .big').textContent === 'unknown'", "the leader is unknown")
    page.until("document.getElementById('verdict').textContent === 'Redis unreachable'", "the verdict")
    page.until("document.body.dataset.stale === 'true'", "greyed")
    server.troop.reachable = True
    page.until("document.body.dataset.stale === undefined || document.body.dataset.stale === 'false'", "fresh again")
    server.troop.silent = True
    page.until("/^last update \\d+ s ago/.test(document.getElementById('pulse-text').textContent)", "the age is told")
    page.until("document.querySelector('.tile.leader .big').textContent === 'unknown'", "the leader is unknown, too")
    server.troop.silent = False
    page.until("document.getElementById('pulse-text').textContent === 'live'", "live again")


def hostile(page):
    with Server(beat=0.1, hosts=4, hostile=True) as server:
        page.open(server.url)
        page.until(f"{ROWS} === 9", "the rows")
        text = page.run("document.getElementById('grid-body').textContent")
        assert "<img src=x onerror" in text and "</script>" in text, "names are shown as text"
        assert "\u202e" not in text and "\u001b" not in text, "what steers is shown, not obeyed"
        assert page.run("document.images.length") == 0 and "owned" not in page.run("document.title")
        assert page.run("document.documentElement.scrollWidth <= innerWidth"), "a long name widens the page"
        page.run("[...document.querySelectorAll('#grid-body .open')].find((one) => one.textContent.startsWith('xxx')).click()")
        page.until("document.getElementById('detail').open", "the detail of a long name")
        page.run("document.getElementById('detail').close()")


def crowd(page):
    with Server(beat=0.25, hosts=500) as server:
        page.open(server.url)
        page.until("document.querySelector('[data-chip=all]').textContent === 'All 500'", "500 hosts")
        assert page.run(ROWS) < 60, "only the rows in sight exist"
        page.run("document.querySelectorAll('#grid-head button')[2].click()")
        page.until("document.querySelector('.columnheader, [role=columnheader].cpu').getAttribute('aria-sort') === 'descending'",
                   "sorted by CPU")
        page.until("parseFloat(document.querySelector('#grid-body [data-index=\"0\"] .gauge.cpu .value').textContent) > 85",
                   "the hottest comes first")
        before = metrics(page)
        # Four changes of 500 hosts a second, four times what an agent sends, while a person scrolls.
        frames = page.run("""new Promise((done) => {
            let turn = 0, last = 0; const times = [], long = [];
            new PerformanceObserver((list) => long.push(...list.getEntries().map((one) => one.duration)))
                .observe({ type: "longtask" });
            const step = (now) => {
                if (last) times.push(now - last);
                last = now;
                scrollTo(0, (turn % 2 ? 1 : -1) * 40 + turn * 90);
                if (++turn < 240) return requestAnimationFrame(step);
                times.sort((a, b) => a - b);
                done({ p50: times[Math.floor(times.length / 2)], p95: times[Math.floor(times.length * 0.95)],
                       most: times.at(-1), long: long.length, longest: Math.max(0, ...long) }); };
            requestAnimationFrame(step); })""")
        after = metrics(page)
        print("crowd: frames " + ", ".join(f"{name} {value:.1f}" for name, value in frames.items()), flush=True)
        span = after["Timestamp"] - before["Timestamp"]
        share = (after["ScriptDuration"] - before["ScriptDuration"]) / span
        print(f"crowd: 240 frames in {span:.2f} s, script {share:.0%}, style and layout "
              f"{(after['LayoutDuration'] + after['RecalcStyleDuration'] - before['LayoutDuration'] - before['RecalcStyleDuration']) / span:.0%}",
              flush=True)
        assert page.run(ROWS) < 60


def metrics(page):
    page.call("Performance.enable")
    return {one["name"]: one["value"] for one in page.call("Performance.getMetrics")["metrics"]}


def reduced_motion(page, server):
    page.view(1280, 900, motion="reduce")
    page.open(server.url)
    page.until(f"{ROWS} > 3", "the rows")
    assert page.run("getComputedStyle(document.querySelector('.pulse .dot')).animationName") == "none"
    page.view(1280, 900)


def themes(page, server):
    page.open(server.url)
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.run(ground)
    for word in ("light", "dark"):
        page.run("document.getElementById('theme').click()")
        assert page.run("document.documentElement.dataset.theme") == word
    assert page.run(ground) != light
    page.open(server.url)
    page.until("document.documentElement.dataset.theme === 'dark'", "the choice is kept")
    page.run("document.getElementById('theme').click()")


def main():
    pictures = sys.argv[1]
    os.makedirs(pictures, exist_ok=True)
    with Browser() as browser:
        page = browser.page()
        page.view(1280, 900)
        with Server(beat=0.1, hosts=14) as server:
            sections(page, server, pictures)
            detail(page, server, pictures)
            staleness(page, server)
            reduced_motion(page, server)
            themes(page, server)
        # The stand-in has gone, as an agent may: the page says so and goes on trying.
        complaints = [one for one in page.complaints if "ERR_CONNECTION_REFUSED" not in one and "ERR_INCOMPLETE" not in one]
        page.complaints = complaints
        hostile(page)
        crowd(page)
        complaints += [one for one in page.complaints if one not in complaints and "ERR_" not in one]
    print(f"complaints {complaints}", flush=True)
    sys.exit(1 if complaints else 0)


main()
