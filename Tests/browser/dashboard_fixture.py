"""Shows the dashboard a made-up troop: hostile names, sections that agents may have, silence, 500 hosts.

    dashboard_fixture.py PICTURES
"""

import os
import sys
import time

from chromium import Browser
from crowd import crowd
from fixture import Server
from reader import reader
from staleness import staleness, steps, unreadable

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
    server.troop.section_patch = {"flags": None, "operations": None, "monkeys": None}
    page.until("['flags', 'operations', 'monkeys'].every((name) => document.getElementById(name).hidden)",
               "sections that are gone are hidden")
    server.troop.section_patch = {}
    page.until("!document.getElementById('flags').hidden", "the flags are back")
    flags = page.run("[...document.querySelectorAll('#flags-body li')].map((one) => one.innerText.replace(/\\s+/g, ' ')).join('; ')")
    for words in ("new-checkout on for 25 %, else off", "new-search on for 0.5 %, else off", "new-footer on for 1.0 %, else off"):
        assert words in flags, f"a rollout is told in percent: {flags}"


def notices(page, server):
    page.open(server.url)
    page.until(f"{ROWS} > 3", "the rows")
    text = "document.getElementById('notices').textContent"
    for words in ("the clocks differ", "the disk is full"):
        server.troop.notices = [words]
        page.until(f"{text} === '{words}'", "a notice takes the place of another")
    server.troop.notices = []
    page.until(f"{text} === ''", "no notice is left")
    server.troop.reachable, server.troop.store_age = False, 42000
    page.until(f"{text}.includes('is 40 s old or older')", "the age of what is shown")
    server.troop.store_age = 61000
    page.until(f"{text}.includes('is 60 s old or older')", "the age goes on")
    server.troop.reachable, server.troop.store_age = True, 42000
    page.until(f"{text} === ''", "Redis is back")


def table(page, server):
    """What a row shows, and the way through the rows without a mouse."""
    page.open(server.url)
    page.until(f"{ROWS} > 3", "the rows")
    leads = ("[...document.querySelectorAll('#grid-body .row')].filter((one) => one.querySelector('.badge[data-tone=lead]'))"
             ".map((one) => one.querySelector('.open').textContent + one.dataset.leader).join()")
    assert page.run(leads) == "web-01true", "one row has the leader's badge"
    server.troop.leader = "web-03"
    page.until(f"{leads} === 'web-03true'", "the badge goes to the next leader")
    server.troop.leader = "web-01"
    page.until(f"{leads} === 'web-01true'", "and back")
    for kind in ("cpu", "memory"):
        assert drawn(page, f"#grid-body .row .spark.{kind}") == [70, 90], "the thresholds' lines in a row"
    assert page.run("document.querySelectorAll('.spark.latency .mark').length") == 0
    assert page.run("[...document.querySelectorAll('.tile .meter')].map((one) => [...one.children].slice(1).map((mark) => "
                    "mark.offsetHeight > 0 && mark.style.left).join()).join(';')") == "70%,90%;70%,90%"
    monkeys = server.troop.sections()["monkeys"]
    monkeys["policies"] = [{**one, "above_percent": above} for one, above in zip(monkeys["policies"], (60, 80))]
    server.troop.section_patch = {"monkeys": monkeys}
    page.until("document.querySelector('.tile .meter .mark.bad').style.left === '80%'", "the lines are where the monkeys act")
    assert drawn(page, "#grid-body .row .spark.cpu") == [60, 80], "the lines in a row follow"
    server.troop.section_patch = {"monkeys": None}
    page.until("document.getElementById('monkeys').hidden", "no leader tells")
    assert drawn(page, "#grid-body .row .spark.cpu") == [60, 80], "what nobody tells stays as it was"
    server.troop.section_patch = {}
    page.until("document.querySelector('.tile .meter .mark.bad').style.left === '90%'", "the lines are back")
    focus = "document.activeElement.closest('#grid-body .row')?.querySelector('.open').textContent"
    page.run("document.querySelector('[role=columnheader].requests button').focus()")
    page.key("Tab")
    assert page.run(focus) == "web-01", "Tab goes from the heads to the first host"
    for key, name in (("ArrowDown", "web-02"), ("ArrowDown", "web-03"), ("ArrowUp", "web-02"), ("End", "web-14"),
                      ("ArrowDown", "web-14"), ("Home", "web-01"), ("ArrowUp", "web-01")):
        page.key(key)
        page.until(f"{focus} === '{name}'", f"{key} goes to {name}")
    page.key("Tab")
    assert page.run(focus) == "web-02", "Tab goes to the next host"
    page.key("Enter", text="\r")
    page.until("document.getElementById('detail').open && document.getElementById('detail-title').textContent === 'web-02'", "Enter opens")
    page.key("Escape")
    page.until(f"!document.getElementById('detail').open && {focus} === 'web-02'", "Escape closes and returns")


def drawn(page, svg):
    """At how many percent of the first such picture's height thresholds are drawn."""
    return page.run(f"""(() => {{
        const node = document.querySelector('{svg}'), bottom = (node.querySelector('.rule') ?? node).getAttribute('y1') ?? 26;
        return [...node.querySelectorAll('.mark')].filter((one) => getComputedStyle(one).stroke !== 'none' && one.getBoundingClientRect().width > 20)
            .map((one) => Math.round(100 - one.getAttribute('y1') / bottom * 100)); }})()""")


def told(page, name):
    """The operations and events in the detail of a host, as texts."""
    page.run(f"[...document.querySelectorAll('#grid-body .open')].find((one) => one.textContent === '{name}').click()")
    page.until(f"document.getElementById('detail-title').textContent === '{name}'", f"the detail of {name}")
    part = ("[...document.querySelectorAll('#detail section')].find((one) => one.querySelector('h3').textContent === '%s')"
            ".querySelectorAll('%s')")
    texts = page.run(f"[[...{part % ('Operations', '.operation')}], [...{part % ('Events', 'li .kind')}]]"
                     ".map((list) => list.map((one) => one.textContent))")
    page.key("Escape")
    page.until("!document.getElementById('detail').open", "the detail closes")
    return texts


def lists(page, server):
    """What is cut says how much more there is, and what is not cut says nothing."""
    page.open(server.url)
    page.until("!document.getElementById('flags').hidden", "the flags")
    sections = server.troop.sections()
    sections["operations"]["operations"] = sections["operations"]["operations"][1:]  # one that has ended: it is not asked for
    repeat = lambda some, count: [{**some[number % len(some)], "id": f"op-{number}", "host": "web-05"} for number in range(count)]
    for name, member, most in (("flags", "flags", 60), ("events", "events", 40), ("history", "entries", 20), ("operations", "operations", 12)):
        rows = f"[...document.getElementById('{name}-body').querySelectorAll('.more, .flags li, .timeline > li, .operation')]"
        for count in (most + 15, most):
            server.troop.section_patch = {name: {**sections[name], member: repeat(sections[name][member], count)}}
            page.until(f"{rows}.length === {most + (count > most)}", f"{count} {name}")
            last = page.run(f"{rows}.at(-1).textContent")
            assert (last == "and 15 more") == (count > most) and page.run(f"{rows}.slice(0, -1).every((one) => !one.matches('.more'))"), last
    many = repeat(sections["operations"]["operations"], 11)
    events = repeat(sections["events"]["events"][5:6], 15)
    server.troop.section_patch = {"operations": {"operations": many}, "events": {"events": events}}
    page.until("document.querySelectorAll('#operations-body .operation').length === 11", "many operations")
    page.until("document.querySelectorAll('#events-body > li').length === 15", "many events")
    page.run("[...document.querySelectorAll('#grid-body .open')].find((one) => one.textContent === 'web-05').click()")
    mores = "[...document.querySelectorAll('#detail .more')].map((one) => one.textContent).join()"
    page.until(f"{mores} === 'and 3 more,and 3 more'", "the same in the detail of a host")
    page.key("Escape")
    page.until("!document.getElementById('detail').open", "the detail closes")
    server.troop.section_patch, server.troop.notices = {}, [f"notice {number}" for number in range(10)]
    page.until("document.querySelectorAll('#notices li').length === 9 && document.querySelector('#notices li:last-child').textContent === 'and 2 more'", "ten notices")
    server.troop.notices, before = [], server.troop.lines
    server.troop.lines = [f"line {number}" for number in range(13)]
    page.open(server.url)
    steps = "[...document.querySelectorAll('#operations-body .steps li')].map((one) => one.firstChild.textContent)"
    page.until(f"{steps}.length === 12", "the steps of a long operation")
    assert page.run(steps) == ["3 earlier", *server.troop.lines[3:], "reboot"], page.run(steps)
    server.troop.lines = before


def concerns(page, server):
    """Operations and events stand with the host that they are about, whoever told them."""
    page.open(server.url)
    page.until("document.querySelectorAll('#operations-body .steps li').length === 4", "the steps of the operation under way")
    operations, events = told(page, "web-04")
    assert len(operations) == 1 and "reboot" in operations[0] and "drained, 0 in flight" in operations[0], operations
    assert events == ["operation.step", "server.state", "doctor.started"], events
    assert told(page, "web-01") == [[], ["election.promoted"]], "the leader tells of others"
    assert told(page, "web-07") == [[], ["election.promoted", "agent.started"]]
    assert told(page, "web-14") == [[], ["host.lost"]]
    assert told(page, "web-05") == [[], []]


def detail(page, server, pictures):
    page.open(server.url)
    page.until(f"{ROWS} > 3", "the rows")
    page.run("[...document.querySelectorAll('#grid-body .open')].find((one) => one.textContent === 'web-02').click()")
    page.until("document.querySelectorAll('.cores .core').length === 8", "the cores of the agent's own host")
    page.until("/From the agents/.test(document.getElementById('detail-body').textContent)", "the history from the agent")
    path = page.run("document.querySelector('.plot.cpu .line').getAttribute('d')")
    assert path.count("M") == 2, "what was not known is a gap and no line"
    assert page.run("[...document.querySelectorAll('#detail figcaption')].map((one) => one.textContent).join()") == "CPU,Memory,Latency p99"
    for kind in ("cpu", "memory"):
        assert drawn(page, f".plot.{kind}") == [70, 90], "the thresholds' lines in a plot"
    assert page.run("[...document.querySelectorAll('.cores .core')].map((one) => one.title).join()") == ",".join(
        f"core {number}: {share} %" for number, share in enumerate((0, 37, 74, 11, 48, 85, 22, 59)))
    lines = page.run("Object.fromEntries([...document.querySelectorAll('#detail h4 + .plainlist')].map((list) => "
                     "[list.previousSibling.textContent, [...list.children].map((one) => one.textContent)]))")
    assert lines == {
        "Disks": ["nvme0n1: reads 11.4 MiB/s, writes 2.9 MiB/s, busy 31 %", "sdb: reads 0 B/s, writes 512 B/s, busy 0.4 %"],
        "Network": ["eth0: in 3.8 MiB/s, out 8.6 MiB/s", "wg-troop: in –/s, out –/s"],
        "Filesystems": ["/: 62 % of 64.0 GiB used", "/srv/<b>dead</b>: – of – used"]}, lines
    facts = page.run("Object.fromEntries([...document.querySelectorAll('#detail .facts > div')].map((one) => "
                     "[one.firstChild.textContent, one.lastChild.textContent]))")
    for title, value in (("Network in, out", "3.8 MiB/s · 8.6 MiB/s"), ("Disk read, written", "11.4 MiB/s · 2.9 MiB/s"),
                         ("Busiest disk, fullest", "31 % · 62 %"), ("Cores", "8"), ("Free memory", "7.0 GiB of 16.0 GiB")):
        assert facts[title] == value, facts
    page.picture(os.path.join(pictures, "fixture-detail.png"))
    page.run("[...document.querySelectorAll('#detail .chip')].find((one) => one.textContent === '24 hours').click()")
    page.until("/every 2 min/.test(document.getElementById('detail-body').textContent)", "a whole day from the agent")
    page.picture(os.path.join(pictures, "fixture-detail-day.png"))
    page.key("Escape")
    page.until("!document.getElementById('detail').open", "the detail closes")


def hostile(page):
    with Server(beat=0.1, hosts=4, hostile=True) as server:
        page.open(server.url)
        page.view(1280, 2400)
        page.until(f"{ROWS} === 16", "the rows of hosts, and of servers without a host")
        page.until("document.querySelectorAll('#notices li').length === 7", "the notices")
        page.until("document.querySelectorAll('#operations-body .steps li').length > 49", "the steps of hostile operations")
        for part in ("grid-body", "flags-body", "notices", "events-body", "history-body", "operations-body", "monkeys-body"):
            text = page.run(f"document.getElementById('{part}').textContent")
            assert "<img src=x onerror" in text and "</script>" in text and "&lt;b&gt;" in text, f"{part}: names are shown as text"
            assert "\u202e" not in text and "\u001b" not in text and "\u0000" not in text, f"{part}: what steers is shown, not obeyed"
        assert page.run("document.images.length") == 0 and "owned" not in page.run("document.title")
        assert page.run("Math.min(...[...document.querySelectorAll('#flags-body .name:not(.sub)')].map((one) => one.offsetWidth))") > 80, "a flag's name has room"
        assert page.run("document.documentElement.scrollWidth <= innerWidth"), "a long name widens the page"
        page.run("[...document.querySelectorAll('#grid-body .open')].find((one) => one.textContent.startsWith('xxx')).click()")
        page.until("document.getElementById('detail').open", "the detail of a long name")
        page.run("document.getElementById('detail').close()")
        # A server without a host has no numbers but its own: its state, reason and author are texts of anybody's, too.
        page.run("[...document.querySelectorAll('#grid-body .open')].findLast((one) => one.textContent.startsWith('<img')).click()")
        page.until("/<img src=x onerror/.test(document.getElementById('detail-body').textContent)", "the detail of a hostile server")
        assert page.run("document.images.length") == 0 and "owned" not in page.run("document.title")
        page.run("document.getElementById('detail').close()")
        page.view(1280, 900)


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
            notices(page, server)
            table(page, server)
            lists(page, server)
            concerns(page, server)
            reader(page, server)
            detail(page, server, pictures)
            staleness(page, server)
            reduced_motion(page, server)
            themes(page, server)
            complaints = page.complaints
            page.complaints = []
            steps(page, server)
            unreadable(page, server, pictures)
            # Chromium tells of each answer that failed: those here were meant to.
            meant = ("/v1/operations/op-7f3a", "/history?", "/v1/sample")
            page.complaints = complaints + [one for one in page.complaints if not any(path in one for path in meant)]
        # The stand-in has gone, as an agent may: the page says so and goes on trying.
        complaints = [one for one in page.complaints if "ERR_CONNECTION_REFUSED" not in one and "ERR_INCOMPLETE" not in one]
        page.complaints = complaints
        hostile(page)
        crowd(page)
        complaints += [one for one in page.complaints if one not in complaints and "ERR_" not in one]
    print(f"complaints {complaints}", flush=True)
    sys.exit(1 if complaints else 0)


main()
