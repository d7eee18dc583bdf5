"""The life of the Debian package on a host of its own, and what is put before the playbooks that cannot work."""

import json
import time

from hosts import LabFault, until
from installation import RunningLoad

CONFIGURATION = """\
cluster: package
redis: {url: "redis://127.0.0.1:6379/0"}
server: {listen: "127.0.0.1:3000"}
proxy: {listen: "0.0.0.0:8080", workers: 1}
"""
EXPOSURE_MAX = 2.5
# WatchdogSec= of the unit.
WATCHDOG_SECONDS = 10
# What a purge may leave: the user, as Debian's policy wants it, and what the lab itself has put there.
REMAINS = r"^/(proc|sys|dev|run/systemd|usr/share/ansible|var/log/journal|root|tmp|var/lib/dpkg/info/format)"


def expect(condition, text):
    if not condition:
        raise LabFault(text)


def install(host, package):
    host.lab.inside("scp", *host.lab.ssh_options, package, f"root@{host.address}:/root/troop.deb")
    done = host.ssh("DEBIAN_FRONTEND=noninteractive apt-get -qq install -y /root/troop.deb 2>&1", timeout=120)
    return done.stdout


def active(host, unit="troop"):
    return host.ssh(f"systemctl is-active {unit}", check=False).stdout.strip() == "active"


def package_life(site):
    """Install, configure, restart the application, upgrade under load, an upgrade that cannot, a crash, remove, come back, purge."""
    host = site.lab.add()
    host.serves = False
    host.power_on()
    host.ssh("DEBIAN_FRONTEND=noninteractive apt-get -qq install -y redis-server", timeout=120)

    said = install(host, site.deb)
    expect("set 'cluster' and 'redis'" in said, f"the package does not say what to do next: {said}")
    expect(not active(host) and active(host, "troop-reboot.path"), "an agent runs before it is configured")
    modes = host.ssh("stat -c '%a %U:%G' /etc/troop /etc/troop/troop.yaml; id -u troop").stdout.split("\n")
    expect(modes[:2] == ["750 root:troop", "640 root:troop"], f"/etc/troop: {modes}")
    exposure = float(host.ssh("systemd-analyze security troop --no-pager | tail -1").stdout.split(":")[1].split()[0])
    expect(exposure <= EXPOSURE_MAX, f"systemd-analyze security says {exposure}, at most {EXPOSURE_MAX} is wanted")
    host.ssh("systemd-analyze --man=no verify troop.service troop-reboot.path troop-restart.path && test -s /usr/share/man/man1/troop.1.gz")

    host.ssh(f"cat >/etc/troop/troop.yaml <<'END'\n{CONFIGURATION}END")
    host.ssh("systemd-run --unit=app /usr/bin/troop sample-app --address 0.0.0.0 --port 3000 --name app; troop config validate; systemctl start troop")
    until(lambda: host.ssh("troop status", check=False).returncode == 0, 20, "the troop of one host to be fine")

    ask = "runuser -u troop /usr/lib/troop/ask-restart"
    expect(host.ssh(ask, check=False).returncode != 0, "a unit is restarted that nobody has named")
    host.ssh("echo 'app.service; reboot' >/etc/troop/restart.unit")
    expect("must hold one unit's name" in host.ssh(ask, check=False).stderr, "a name that is none is not refused")
    host.ssh("echo app.service >/etc/troop/restart.unit")
    before = host.ssh("systemctl show -P MainPID app").stdout
    expect("restarted app.service" in host.ssh(ask).stdout, "ask-restart does not say what it did")
    expect(host.ssh("systemctl show -P MainPID app").stdout != before, "the application was not restarted")
    until(lambda: host.ssh("troop status", check=False).returncode == 0, 20, "the restarted application to be healthy")

    load = RunningLoad(site, address=host.address)
    leader = json.loads(host.ssh("troop status -o json").stdout)["leader"]
    before = host.ssh("systemctl show -P MainPID troop").stdout
    install(host, site.newer_package("+package1"))
    expect(active(host), "the agent does not run after an upgrade")
    expect(host.ssh("systemctl show -P MainPID troop").stdout != before, "the old program serves after an upgrade")
    expect(host.ssh("cat /etc/troop/troop.yaml").stdout == CONFIGURATION, "an upgrade changed the configuration")
    upgraded = host.ssh("systemctl show -P MainPID troop").stdout
    time.sleep(WATCHDOG_SECONDS + 3)
    expect(
        host.ssh("systemctl show -P MainPID troop").stdout == upgraded,
        "the service manager's watchdog ended the upgraded agent: " + host.ssh("journalctl -u troop -o cat | tail -30").stdout)

    before = host.ssh("systemctl show -P MainPID troop").stdout
    host.ssh("sed -i 's/workers: 1/workers: many/' /etc/troop/troop.yaml")
    said = install(host, site.newer_package("+package2"))
    expect("proxy.workers" in said and "goes on as it was" in said, f"a wrong configuration is not told of: {said}")
    expect(host.ssh("systemctl show -P MainPID troop").stdout == before, "the old program was not left running")
    host.ssh("sed -i 's/workers: many/workers: 1/' /etc/troop/troop.yaml; troop upgrade")
    time.sleep(1)
    result = load.result()
    expect(result["failed"] == 0 and result["cut"] == 0, f"upgrades of the package lost requests: {result}")
    after = json.loads(host.ssh("troop status -o json").stdout)["leader"]
    expect(after["host"] == leader["host"], f"the leadership went elsewhere: {leader}, {after}")

    host.ssh("kill -9 $(systemctl show -P MainPID troop)")
    until(lambda: host.ssh("troop status", check=False).returncode == 0, 20, "the agent to come back after a crash")
    expect("resigned: the lease" in host.ssh("journalctl -u troop -o cat").stdout, "troop resign did not give the lease up")
    host.ssh("troop upgrade; sleep 1; systemctl stop troop")
    expect(host.ssh("systemctl show -P Result troop").stdout.strip() == "success", "an upgraded agent is killed instead of stopped")
    host.ssh("systemctl start troop")

    host.ssh("apt-get -qq remove -y troop 2>&1", timeout=60)
    expect(not active(host) and host.ssh("pgrep -u troop", check=False).returncode == 1, "the agent outlives its package")
    expect(host.ssh("cat /etc/troop/troop.yaml").stdout == CONFIGURATION, "remove took the configuration away")
    install(host, site.deb)
    expect(active(host) and active(host, "troop-restart.path"), "the units do not run after a removal and another installation")
    host.ssh("systemctl disable troop-reboot.path; apt-get -qq remove -y troop 2>&1", timeout=60)
    install(host, site.deb)
    expect(
        host.ssh("systemctl is-enabled troop-reboot.path", check=False).stdout.strip() == "disabled" and active(host),
        "a unit that the administrator had disabled was enabled by a new installation",
    )
    host.ssh("apt-get -qq purge -y troop 2>&1", timeout=60)
    left = host.ssh(f"find / -xdev -name '*troop*' | grep -vE '{REMAINS}'; systemctl list-unit-files | grep troop", check=False)
    expect(left.stdout.strip() == "", f"left after a purge: {left.stdout}")

    install(host, site.deb)
    expect(host.ssh("troop version").returncode == 0, "it cannot be installed again")
    host.power_off()
    return (
        f"exposure {exposure}; {result['answered']} requests over three upgrades, longest {result['longest_ms']} ms, none lost"
    )


def refusals(site):
    """Playbooks stop with what to do, and leave the host serving, when they cannot work."""
    host = next(host for host in site.agents if host is not site.leader())
    only = ("--limit", host.agent)
    foreign = site.lab.folder / "troop_0.1.0_arm64.deb"
    foreign.write_bytes(b"")
    site.refuses("site.yml", *only, "-e", f"troop_deb={foreign}", because="does not fit this host")
    site.refuses("site.yml", *only, "-e", '{"troop_releases": ["debian 11"]}', because="made for debian 11 and this host is debian 12")
    site.refuses(
        "site.yml", *only, "-e", "troop_redis_url=redis://10.77.0.99:6379/0", because="Nothing answers at 10.77.0.99:6379"
    )
    # A port that another program has: the agent goes on with what it had, and so does the file.
    file = host.ssh("cat /etc/troop/troop.yaml").stdout
    host.ssh("systemd-run --unit=squatter python3 -m http.server --bind 127.0.0.1 7200")
    site.refuses(
        "site.yml", *only, "-e", json.dumps({"troop_settings": {**site.role_settings, "api": {"listen": "127.0.0.1:7200"}}}),
        because="7200",
    )  # fmt: skip
    expect(host.ssh("cat /etc/troop/troop.yaml").stdout == file, "the former configuration is not back")
    expect(host.ssh("troop status", check=False).returncode in (0, 1), "the agent does not serve on")
    host.ssh("systemctl stop squatter")
    # A Redis that might throw the lease away.
    master = next(h for h in site.lab.hosts if h.address == site.redis_master())
    for settings, because in (("maxmemory 100mb maxmemory-policy allkeys-lru", "maxmemory-policy is allkeys-lru"), ("maxmemory 0 maxmemory-policy noeviction", None)):  # fmt: skip
        master.ssh(f"redis-cli --no-auth-warning -a lab-admin CONFIG SET {settings}")
        if because:
            site.refuses("site.yml", *only, because=because)
    # An upgrade that was interrupted left the server draining; the next one returns it.
    server = site.servers(host)[host.agent]["address"]
    site.ask(f"troop servers add {server} --state draining --reason upgrade")
    site.play("upgrade.yml", *only)
    expect(site.servers(host)[host.agent]["state"] == "active", "the server that an upgrade left draining was not returned")
    # A host that is away stops an upgrade, and the others serve on.
    host.power_off()
    site.refuses("upgrade.yml", *only, because="unreachable=1")
    expect(site.vip_answers(), "the others do not serve")
    host.power_on()
    return "architecture, release, Redis, port, eviction, interrupted upgrade, unreachable host"
