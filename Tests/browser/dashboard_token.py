"""Opens the dashboard of an agent whose API asks for a token: locked, opened, followed, loaded anew.

    dashboard_token.py URL TOKEN PICTURES

Says `open` once the troop is shown; then the test changes something, and says on standard input what to look for.
"""

import os
import sys
from urllib.parse import urlsplit

from chromium import Browser

ROWS = "document.querySelectorAll('#grid-body .row').length"
PULSE = "document.getElementById('pulse-text').textContent"
VERDICT = "document.getElementById('verdict').textContent"
IS_LOCKED = "!document.getElementById('token-form').hidden"
TROUBLE = "document.getElementById('token-trouble').textContent"
WRONG = "This is not the agent's token."


def say(text):
    print(text, flush=True)


def enter(page, token):
    """Types a token as a person does."""
    page.run("document.getElementById('token').focus()")
    page.call("Input.insertText", text=token)
    page.key("Enter", text="\r")


def locked(page, url):
    """Opens the page, which shows nothing but its question."""
    page.open(url)
    page.until(f"{IS_LOCKED} && {PULSE} === 'locked' && {VERDICT} === 'locked'", "the question for the token")
    assert page.run(TROUBLE) == "", "nobody has shown a token yet"
    assert page.run(ROWS) == 0 and page.run("document.title") == "troop", "nothing of the troop is shown"
    assert page.run("[...document.querySelectorAll('.fill')].map((one) => one.offsetWidth).join()") == "0,0", "no bar stands for a value"


def refused(page, token):
    """Tries a token that is wrong, and sees that told."""
    enter(page, token)
    page.until(f"{TROUBLE} === \"{WRONG}\"", f"a clear word about the token {token!r}")
    assert page.run(f"{IS_LOCKED} && {PULSE}") == "locked" and page.run(ROWS) == 0
    assert page.run("document.getElementById('token').value") == "" and page.run("document.activeElement.id") == "token"


def live(page):
    page.until(f"{PULSE} === 'live' && {ROWS} > 0 && !({IS_LOCKED})", "the live troop")
    assert page.run(TROUBLE) == ""


def look(page, token):
    """Everything of the page works, and the token is where it belongs."""
    page.run("document.querySelector('#grid-body .row[data-state=up] .open').click()")
    page.until("/From the agents|does not reach/.test(document.getElementById('detail-body').textContent)", "the detail of a host")
    page.until("document.querySelectorAll('.cores .core').length > 0", "the cores of the host")
    page.key("Escape")
    page.until("!document.getElementById('detail').open", "the detail closes")
    for place in ("location.href", "document.cookie", "JSON.stringify(localStorage)", "document.documentElement.outerHTML"):
        assert token not in page.run(place), f"the token stands in {place}"
    assert page.run("sessionStorage.getItem('troop-token')") == token, "it is kept for the tab"


def expected(complaint, url):
    """True for the browser's word about a 401 of the stream, which was meant to be."""
    return "status of 401" in complaint and complaint.rstrip().endswith(f"{url}v1/stream")


def main():
    url, token, pictures = sys.argv[1:4]
    os.makedirs(pictures, exist_ok=True)
    with Browser() as browser:
        page = browser.page()
        page.view(1280, 900)
        locked(page, url)
        page.picture(os.path.join(pictures, "token-locked.png"))
        for wrong in ("wrong", token[:-1], f"{token}x", "schl\u00fcssel", "\u043a\u043b\u044e\u0447"):
            refused(page, wrong)
        page.picture(os.path.join(pictures, "token-refused.png"))
        page.view(400, 860)
        page.until("innerWidth === 400", "the page at this size")
        assert page.run("document.documentElement.scrollWidth <= innerWidth"), "wider than the view"
        page.view(1280, 900)
        enter(page, f" {token} ")  # as it comes with a careless copy
        live(page)
        say("open")
        address = sys.stdin.readline().strip()
        page.until(f"document.getElementById('grid-body').textContent.includes('{address}')", f"{address}, without a reload")
        look(page, token)
        # A reload asks nothing; another tab does.
        page.open(url)
        live(page)
        other = browser.page()
        other.view(1280, 900)
        locked(other, url)
        # A token that was good once: the page says that it is so no more.
        other.run("sessionStorage.setItem('troop-token', 'of-yesterday')")
        other.open(url)
        other.until(f"{IS_LOCKED} && {TROUBLE} === \"{WRONG}\"", "a word about an old token")
        enter(other, token)
        live(other)
        complaints = page.complaints + other.complaints
        meant = [one for one in complaints if expected(one, url)]
        # Three wrong ones and no token at all; what cannot be a token is not even asked about.
        assert len(meant) == 6, f"a question for each 401 and no more: {complaints}"
        asked = page.asked + other.asked
        assert len(asked) > 20 and not [one for one in asked if token in one or "token" in urlsplit(one).query], "the token stands in an address"
        assert not [one for one in asked if not one.startswith((url, "data:", "about:"))], f"somebody else is asked: {asked}"
        rest = [one for one in complaints if not expected(one, url)]
        say(f"complaints {rest}")
    sys.exit(1 if rest else 0)


main()
