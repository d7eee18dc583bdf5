"""Follows a real troop's failover on its dashboard, in four views at once, and uses one of them by keyboard alone.

    dashboard_live.py URL PICTURES

Reads lines from standard input: the test says `killed` once the leader is dead. Prints what it sees, a line each.
"""

import os
import sys

from chromium import Browser

LEADER = "document.querySelector('.tile.leader .big').textContent"
ROWS = "document.querySelectorAll('#grid-body .row').length"
# The hosts whose rows show the leader's badge, where it can be seen.
BADGES = ("[...document.querySelectorAll('#grid-body .row')].filter((one) => one.querySelector('.badge[data-tone=lead]')?.offsetWidth > 0)"
          ".map((one) => one.querySelector('.open').textContent).join()")
VIEWS = [(1280, 900, "light"), (1280, 900, "dark"), (400, 860, "light"), (400, 860, "dark")]
# The browser tells of what the policy forbids in the log, too; this hears it from the page itself.
WATCH = "window.forbidden = []; addEventListener('securitypolicyviolation', (event) => forbidden.push(event.violatedDirective), true)"


def say(text):
    print(text, flush=True)


def look(browser, url, width, height, scheme):
    """A page of its own for this view, that goes on as if it were the one in front."""
    page = browser.page()
    page.call("Emulation.setFocusEmulationEnabled", enabled=True)
    page.call("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
    page.view(width, height, scheme)
    page.open(url)
    page.until(f"{ROWS} === 3 && innerWidth === {width}", f"three rows at {width}")
    page.until("document.getElementById('pulse-text').textContent === 'live'", "a live stream")
    assert page.run(f"matchMedia('(prefers-color-scheme: {scheme})').matches"), f"it is not {scheme}"
    page.run("window.isSame = true")
    return page


def follow(page, before, after):
    """Sees another leader without a reload; which one, where `after` does not say."""
    after = after or page.until(f"['a', 'b', 'c'].filter((name) => name !== '{before}').includes({LEADER}) && {LEADER}",
                                "another leader, without a reload")
    page.until(f"{LEADER} === '{after}' && {BADGES} === '{after}'", "the leader's badge with the new one alone")
    page.until("document.querySelectorAll('#history-body li').length >= 2", "the election in the history")
    page.until(f"document.getElementById('announcer').textContent.startsWith('{after} leads now')",
               "the change said to screen readers")
    assert page.run("window.isSame"), "the page was loaded anew"
    return after


def keyboard(page, before, pictures):
    """By keyboard alone: find a host, open it, close it, and be where one was."""
    page.call("Page.bringToFront")
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


def main():
    url, pictures = sys.argv[1:3]
    os.makedirs(pictures, exist_ok=True)
    with Browser() as browser:
        pages = [look(browser, url, *view) for view in VIEWS]
        before = pages[0].until(f"['a', 'b', 'c'].includes({LEADER}) && {LEADER}", "a leader")
        for page in pages:
            page.until(f"{BADGES} === '{before}'", "the leader's badge")
        say(f"leader {before}")
        assert sys.stdin.readline() == "killed\n"
        after = None
        for page in pages:
            after = follow(page, before, after)
        say(f"leader {after}")
        assert sys.stdin.readline() == "look\n"
        for page, (width, _, scheme) in zip(pages, VIEWS):
            page.call("Page.bringToFront")
            page.until(f"{ROWS} === 3 && {BADGES} === '{after}'", "the rows and the badge")
            assert page.run("document.documentElement.scrollWidth <= innerWidth"), f"{width}: wider than the view"
            page.picture(os.path.join(pictures, f"live-{width}-{scheme}.png"), whole=True)
        keyboard(pages[0], before, pictures)
        complaints = [one for page in pages for one in page.run("forbidden") + page.complaints]
        say(f"complaints {complaints}")
    sys.exit(1 if complaints else 0)


main()
