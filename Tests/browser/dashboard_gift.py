"""Follows a gift on a real troop's dashboard, from the wish to the new host, in four ways of looking at it in turn.

    dashboard_gift.py URL PICTURES

Says `open` once the page is there; then the fleet may get hot. Prints what it sees, a line each.
"""

import itertools
import os
import sys
import time

from chromium import Browser

ROWS = "document.querySelectorAll('#grid-body .row').length"
VIEWS = [(1280, 900, "light"), (400, 860, "dark"), (1280, 900, "dark"), (400, 860, "light")]
LAUNCH = "[...document.querySelectorAll('#operations-body .operation')].find((one) => one.querySelector('b').textContent === 'launch')"
STATE = f"{LAUNCH}?.querySelector('.badge')?.textContent"
STEPS = f"[...({LAUNCH}?.querySelectorAll('.steps li') ?? [])].map((one) => one.firstChild.textContent)"
GIFT_SECONDS = 90


def say(text):
    print(text, flush=True)


def look(page, view):
    width, height, scheme = view
    page.view(width, height, scheme)
    page.until(f"innerWidth === {width}", "the page at this size")
    assert page.run("document.documentElement.scrollWidth <= innerWidth"), f"{width}: wider than the view"


def follow(page, pictures):
    """Looks from one view after the other until the launch is done; the steps that were seen meanwhile."""
    seen = []
    deadline = time.monotonic() + GIFT_SECONDS
    for number, view in enumerate(itertools.cycle(VIEWS)):
        look(page, view)
        for step in page.run(STEPS):
            if step not in seen:
                seen.append(step)
                say(f"step {step}")
        state = page.run(STATE)
        if number < len(VIEWS):
            page.picture(os.path.join(pictures, f"gift-{view[0]}-{view[2]}.png"))
        if state == "done":
            assert number >= len(VIEWS), f"the launch was over before it was looked at in {len(VIEWS)} ways"
            return seen
        assert time.monotonic() < deadline, f"the launch is still '{state}'; steps: {seen}"
        time.sleep(0.2)
    return seen


def main():
    url, pictures = sys.argv[1:3]
    os.makedirs(pictures, exist_ok=True)
    with Browser() as browser:
        page = browser.page()
        look(page, VIEWS[0])
        page.open(url)
        page.until("document.getElementById('pulse-text').textContent === 'live'", "a live stream")
        before = page.until(ROWS, "the hosts")
        say("open")
        page.until(f"Boolean({LAUNCH})", "a launch among the operations", GIFT_SECONDS)
        steps = follow(page, pictures)
        assert len(steps) >= 3, f"the steps of the launch: {steps}"
        name = page.run(f"{LAUNCH}.querySelector('.line .name').textContent")
        for view in VIEWS:
            look(page, view)
            page.until(f"{ROWS} === {before + 1}", "a row more, without a reload")
            page.until(f"document.getElementById('grid-body').textContent.includes('{name}')", "the new host's name")
        say(f"complaints {page.complaints}")
    sys.exit(1 if page.complaints else 0)


main()
