"""What a screen reader is told of the dashboard, by the browser's accessibility tree: for dashboard_fixture.py."""

ROWS = "document.querySelectorAll('#grid-body .row').length"
HEADS = ["Host", "State", "CPU", "Memory", "Latency p90", "Requests"]
# What people act on or look for by name.
NAMED = {"button", "link", "textbox", "searchbox", "checkbox", "dialog", "table", "columnheader", "rowheader", "region",
         "heading", "group", "image", "img"}


class Tree:
    """The nodes that are told, in their order."""

    def __init__(self, page):
        page.call("Accessibility.enable")
        self.by_id = {one["nodeId"]: one for one in page.call("Accessibility.getFullAXTree")["nodes"]}
        root = next(one for one in self.by_id.values() if "parentId" not in one)
        self.nodes = [one for one in self.walk(root) if not one["ignored"]]
        page.call("Accessibility.disable")

    def walk(self, node):
        yield node
        for number in node.get("childIds", []):
            if number in self.by_id:
                yield from self.walk(self.by_id[number])

    def all(self, *roles, under=None):
        nodes = self.nodes if under is None else [one for one in self.walk(under) if not one["ignored"]]
        return [one for one in nodes if one["role"]["value"] in roles]

    def names(self, *roles, under=None):
        return [name(one) for one in self.all(*roles, under=under)]

    def levels(self):
        """The headings as (level, name)."""
        return [(value(one, "level"), name(one)) for one in self.all("heading")]


def name(node):
    return node.get("name", {}).get("value", "").strip()


def value(node, key):
    return next((one["value"].get("value") for one in node.get("properties", []) if one["name"] == key), None)


def check(tree):
    """What holds whatever is shown: everything has a name, no heading skips a level, no level-one heading but the first."""
    nameless = [one for one in tree.nodes if one["role"]["value"] in NAMED and not name(one)]
    assert not nameless, f"without a name: {nameless}"
    levels = [level for level, _ in tree.levels()]
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:])), f"a level is skipped: {tree.levels()}"
    assert levels.count(1) <= 1, tree.levels()


def reader(page, server):
    page.open(server.url)
    page.until(f"{ROWS} === 14", "all rows in sight")
    page.until("document.querySelectorAll('#operations-body .steps li').length === 4", "the steps")
    tree = Tree(page)
    check(tree)
    landmarks = [(one["role"]["value"], name(one)) for one in tree.all("banner", "main", "navigation", "region", "contentinfo")]
    assert landmarks == [("banner", ""), ("main", ""), *(("region", title) for title in (
        "Overview", "Hosts and servers", "Operations", "Monkeys", "Events", "Elections", "Flags"))], landmarks
    assert tree.levels() == [(1, "troop production"), (2, "Overview"), *((3, title) for title in (
        "Leader", "Hosts up", "CPU, mean", "Memory, mean", "Healthy servers", "Requests", "Latency p90")),
        *((2, title) for title in ("Hosts and servers", "Operations", "Monkeys", "Events", "Elections", "Flags"))], tree.levels()
    assert tree.names("link") == ["Skip to the hosts"] and tree.names("searchbox") == ["Filter by name or address"]
    # One table: six heads, and each row begins with the name of its host.
    tables = tree.all("table", "grid")
    assert [name(one) for one in tables] == ["Hosts and servers"], tables
    assert tree.names("columnheader", under=tables[0]) == HEADS, tree.names("columnheader")
    rows = tree.all("row", under=tables[0])
    assert len(rows) == 15, f"{len(rows)} rows"
    hosts = [f"web-{number:02}" for number in range(1, 15)]
    heads = [tree.all("rowheader", under=row) for row in rows[1:]]
    assert [len(one) for one in heads] == [1] * 14, "one head in each row"
    for row, (head,), host in zip(rows[1:], heads, hosts):
        assert name(head).startswith(host), f"{host}: {name(head)}"
        assert tree.names("button", under=row) == [host], tree.names("button", under=row)
        assert len(tree.all("cell", "gridcell", under=row)) == len(HEADS) - 1, host
    words = " ".join(tree.names("StaticText", under=rows[1]))
    for word in ("leader", "up", "healthy", "%", "ms", "/s"):
        assert word in words, f"a row says '{words}' and not '{word}'"
    assert [value(one, "live") for one in tree.all("status")] == ["polite"], "who leads is told"
    opened(page)


def opened(page):
    """The detail of a host: a dialog with its name, and the page behind it is not told."""
    page.run("[...document.querySelectorAll('#grid-body .open')].find((one) => one.textContent === 'web-02').click()")
    page.until("document.querySelectorAll('.cores .core').length === 8", "the cores")
    tree = Tree(page)
    check(tree)
    assert tree.names("dialog") == ["web-02"] and not tree.all("table"), "the dialog alone is told"
    headings = [(2, "web-02"), (3, "The last"), (3, "Servers"), (3, "Cores, disks, network"), (4, "Cores"), (4, "Disks"), (4, "Network"),
                (4, "Filesystems"), (3, "Operations"), (3, "Events")]
    assert tree.levels() == headings, tree.levels()
    images = tree.names("image", "img")
    assert images == ["CPU", "Memory", "Latency", "8 cores, 0 % to 85 % busy"], images
    assert tree.names("button") == ["Close", "15 minutes", "24 hours"], tree.names("button")
    page.key("Escape")
    page.until("!document.getElementById('detail').open", "the detail closes")
