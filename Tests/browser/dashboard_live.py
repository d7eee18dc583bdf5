"""Opens a real troop's dashboard, watches a failover, and looks at it in four ways.

    dashboard_live.py URL PICTURES

Reads lines from standard input: the test says `kill` once the leader is to be dead. Prints what it sees, a line each.
"""

import os
import sys

from chromium import Browser

LEADER = "document.querySelector('.tile.leader .big').textContent"
ROWS = "document.querySelectorAll('#grid-body .row').length"
VIEWS = [(1280, 900, "light"), (1280, 900, "dark"), (400, 860, "light"), (400, 860, "dark")]


def say(text):
    print(text, flush=True)


def main():
    url, pictures = sys.argv[1:3]
    os.makedirs(pictures, exist_ok=True)
    with Browser() as browser:
        page = browser.page()
        page.view(1280, 900)
        page.open(url)
        page.until(f"{ROWS} === 3", "three rows")
        page.until("document.getElementById('pulse-text').textContent === 'live'", "a live stream")
        before = page.until(f"['a', 'b', 'c'].includes({LEADER}) && {LEADER}", "a leader")
        say(f"leader {before}")
        assert sys.stdin.readline() == "killed\n"
        after = page.until(f"['a', 'b', 'c'].filter((name) => name !== '{before}').includes({LEADER}) && {LEADER}",
                           "another leader, without a reload")
        page.until("document.querySelectorAll('#history-body li').length >= 2", "the election in the history")
        page.until(f"document.getElementById('announcer').textContent.startsWith('{after} leads now')",
                   "the change said to screen readers")
        say(f"leader {after}")
        assert sys.stdin.readline() == "look\n"
        for width, height, scheme in VIEWS:
            page.view(width, height, scheme)
            page.until(f"{ROWS} === 3 && innerWidth === {width}", "the rows at this size")
            assert page.run("document.documentElement.scrollWidth <= innerWidth"), f"{width}: wider than the view"
            page.picture(os.path.join(pictures, f"live-{width}-{scheme}.png"), whole=True)
        page.view(1280, 900)
        # By keyboard alone: find a host, open it, close it, and be where one was.
        page.key("/", "Slash", "/")
        page.until("document.activeElement.id === 'filter'", "the filter has the focus")
        page.call("Input.insertText", text=before)
        page.until(f"{ROWS} === 1", "one row left")
        page.run("document.querySelector('#grid-body .open').focus()")
        page.key("Enter", text="\r")
        page.until("document.getElementById('detail').open", "the detail opens")
        page.until(f"document.getElementById('detail-title').textContent === '{before}'", "the detail's title")
        page.picture(os.path.join(pictures, "live-detail.png"))
        page.key("Escape")
        page.until("!document.getElementById('detail').open", "the detail closes")
        page.until("document.activeElement.classList.contains('open')", "the focus is back in the table")
        say(f"complaints {page.complaints}")
    sys.exit(1 if page.complaints else 0)


main()
