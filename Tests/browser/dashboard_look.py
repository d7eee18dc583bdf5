"""Opens the dashboard of a troop that is up, and looks at it in four ways.

    dashboard_look.py URL HOSTS PICTURES
"""

import os
import sys

from chromium import Browser

ROWS = "document.querySelectorAll('#grid-body .row').length"
LEADER = "document.querySelector('.tile.leader .big').textContent"
VIEWS = [(1280, 900, "light"), (1280, 900, "dark"), (400, 860, "light"), (400, 860, "dark")]


def main():
    url, hosts, pictures = sys.argv[1:4]
    os.makedirs(pictures, exist_ok=True)
    with Browser() as browser:
        page = browser.page()
        for width, height, scheme in VIEWS:
            page.view(width, height, scheme)
            page.open(url)
            page.until("document.getElementById('pulse-text').textContent === 'live'", "a live stream")
            page.until(f"{ROWS} === {int(hosts)} && innerWidth === {width}", f"{hosts} rows at {width}")
            page.until(f"/^[a-z]$/.test({LEADER})", "a leader")
            assert page.run("document.documentElement.scrollWidth <= innerWidth"), f"{width}: wider than the view"
            page.picture(os.path.join(pictures, f"demo-{width}-{scheme}.png"), whole=True)
        print(f"complaints {page.complaints}", flush=True)
    sys.exit(1 if page.complaints else 0)


main()
