"""How the dashboard says that something is old, or could not be read: for dashboard_fixture.py."""

import os
import time


def steps(page, server):
    """What an operation writes is shown within a step, and again after an answer that failed."""
    server.troop.is_mute = True
    page.open(server.url)
    page.until("!document.getElementById('operations').hidden", "the operations")
    # The first question has failed by then: it is asked as soon as the operations are drawn.
    page.until("performance.getEntriesByType('resource').some((one) => one.name.endsWith('/v1/operations/op-7f3a'))", "the account is asked for")
    assert page.run("document.querySelectorAll('#operations-body .steps li').length") == 1, "only the step is known"
    words = "document.querySelector('#operations-body .stale')?.textContent"
    page.until(f"{words} === 'steps could not be read: Redis does not answer'", "it is said that they are not known")
    server.troop.is_mute = False
    page.until("document.querySelectorAll('#operations-body .steps li').length === 4", "the account is asked for again")
    assert page.run(words) is None
    server.troop.lines.append("the host is away")
    page.until("/the host is away/.test(document.getElementById('operations-body').textContent)", "a line within the step")
    server.troop.lines.pop()


def unreadable(page, server, pictures):
    """What could not be read keeps its last value, greyed, and says why and from when that is."""
    troop = server.troop
    page.open(server.url)
    page.until("!document.getElementById('flags').hidden", "the flags")
    text = "document.getElementById('%s-stale').textContent"
    grey = "getComputedStyle(document.getElementById('%s-body')).opacity"
    rows = "document.querySelectorAll('#flags-body li').length"
    before = page.run(rows)
    assert before > 3 and page.run(grey % "flags") == "1" and page.run(text % "flags") == ""
    troop.stale = {"flags": {"error": "Redis says <b>no</b>\u202e", "read_at_ms": int(troop.started)}}
    page.until("!document.getElementById('flags-stale').hidden", "the flags are called old")
    told, moment = page.run(text % "flags"), time.strftime("%H:%M:%S", time.localtime(troop.started / 1000))
    assert told.startswith("could not be read: Redis says <b>no</b>\ufffd \u2014 last from ") and told.endswith(moment), told
    assert page.run(rows) == before and page.run(grey % "flags") == "0.5", "the last value stays, greyed"
    assert page.run(grey % "events") == "1" and page.run("document.getElementById('events-stale').hidden"), "the others are fresh"
    assert page.run("document.body.dataset.stale !== 'true' && document.getElementById('pulse-text').textContent") == "live"
    page.picture(os.path.join(pictures, "fixture-stale.png"), whole=True)
    # Where there is no last value, only that is said.
    troop.section_patch, troop.stale = {"monkeys": None}, {"monkeys": {"error": "it is ill", "read_at_ms": None}}
    page.until(f"{text % 'monkeys'} === 'could not be read: it is ill'", "the monkeys could never be read")
    assert page.run("document.getElementById('monkeys-body').childElementCount === 0 && !document.getElementById('monkeys').hidden")
    assert page.run(text % "flags") == "" and page.run(grey % "flags") == "1", "the flags are fresh again"
    troop.section_patch, troop.stale = {}, {}
    page.until(f"{text % 'monkeys'} === '' && document.getElementById('monkeys-body').childElementCount > 0", "the monkeys are back")
    # The same in the detail of a host, which asks for itself: another span of time at once.
    page.run("[...document.querySelectorAll('#grid-body .open')].find((one) => one.textContent === 'web-02').click()")
    page.until("document.querySelectorAll('.cores .core').length === 8", "the cores of the agent's own host")
    body = "document.getElementById('detail-body').textContent"
    assert "could not be read" not in page.run("document.getElementById('detail-body').innerText")
    # Of 24 hours nothing has been read; of 15 minutes, the values from before are shown.
    for is_broken, chip, last in ((True, "24 hours", ""), (True, "15 minutes", " \u2014 last from [0-9:]+"), (False, "24 hours", "")):
        troop.is_broken = is_broken
        page.run(f"[...document.querySelectorAll('#detail .chip')].find((one) => one.textContent === '{chip}').click()")
        said = f"/The past could not be read: no memory for an answer{last}\\./.test({body})"
        none = "!document.getElementById('detail-body').innerText.includes('could not be read')"
        page.until(said if is_broken else none, "whether the past is old")
        marks = page.run("[...document.querySelectorAll('#detail-body .stale')].filter((one) => !one.hidden).map((one) => one.textContent)")
        assert len(marks) == is_broken and all("no memory for an answer" in mark for mark in marks), marks
        assert page.run("document.querySelectorAll('.cores .core').length") == 8, "the last sample stays"
    page.key("Escape")
    page.until("!document.getElementById('detail').open", "the detail closes")


def staleness(page, server):
    page.open(server.url)
    page.until("document.getElementById('pulse-text').textContent === 'live'", "live")
    server.troop.reachable = False
    page.until("document.querySelector('.tile.leader .big').textContent === 'unknown'", "the leader is unknown")
    page.until("document.getElementById('verdict').textContent === 'Redis unreachable'", "the verdict")
    page.until("document.body.dataset.stale === 'true'", "greyed")
    for part in (".grid-body", ".side", ".tile:not(.leader)"):
        assert page.run(f"getComputedStyle(document.querySelector('{part}')).opacity") == "0.5", f"{part} is greyed"
    server.troop.reachable = True
    page.until("document.body.dataset.stale === undefined || document.body.dataset.stale === 'false'", "fresh again")
    assert page.run("getComputedStyle(document.querySelector('.side')).opacity") == "1"
    server.troop.silent = True
    page.until("/^last update \\d+ s ago/.test(document.getElementById('pulse-text').textContent)", "the age is told")
    page.until("document.querySelector('.tile.leader .big').textContent === 'unknown'", "the leader is unknown, too")
    server.troop.silent = False
    page.until("document.getElementById('pulse-text').textContent === 'live'", "live again")
