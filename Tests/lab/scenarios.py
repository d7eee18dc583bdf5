"""The story of the lab: each scenario is a function of a running installation that asserts what is to happen.

Requests go through the VIP at a steady rate; what may be lost is said where it is checked, everything else is a failure.
"""

import contextlib
import json
import time

from cloud import Cloud
from hosts import LabFault, StalledFault, until
from installation import CORES, RunningLoad
from load import WORKERS
from packages import expect, package_life, refusals

PATIENCE_S = 1.5  # a client's, as in the end-to-end tests
GAP_S = 1.2  # how long nobody may lead when a host dies without a word
MARGIN_S = 0.8  # what a busy machine with virtual hosts may add to it
STALL_MS = 300  # for so long no machine that runs the lab may stand still: leases lapse after 1 s


def settle(site, count=None):
    """All hosts up, one leader, all servers healthy, the VIP answers."""
    for host in site.agents:
        host.power_on()
    until(site.healthy(count or len(site.agents)), 90, "all servers to be healthy")
    until(site.vip_answers, 10, "the VIP to answer")


def judge(result, cut_allowed):
    """Nothing failed but exchanges that were open on a host that died."""
    # A host that dies takes along what it was working on, and no more.
    lost, may_be_lost = result["cut"] + result["hung"], WORKERS if cut_allowed else 0
    text = (
        f"{result['answered']} answered, {result['cut']} cut, {result['hung']} hung, {result['retries']} tried again, "
        f"longest {result['longest_ms']} ms"
    )
    if result["failed"] > 0 or lost > may_be_lost or result["answered"] <= 100:
        text = f"{result['failed']} failed: {result['failures']}; {text}; at most {may_be_lost} may be lost"
        if result["stall_ms"] > STALL_MS:
            raise StalledFault(f"this machine stood still for {result['stall_ms']} ms: {text}")
        raise LabFault(text)
    return text


def apart(site):
    """The leader's host is not the one with Redis's master, whose loss is a scenario of its own."""
    settle(site)
    if site.leader().address == site.redis_master():
        target = next(host for host in site.agents if host.address != site.redis_master())
        site.ask(f"troop switchover --to {target.agent} --reason lab")
        until(lambda: site.leader() is target, 10, f"{target.name} to lead")
        settle(site)


def leader_lost(site, strike, mend):
    """The leader's host is struck under load; another leads in time, and nothing fails but what hung on that host."""
    apart(site)
    old = site.leader()
    others = [host for host in site.agents if host is not old]
    load = RunningLoad(site, patience=PATIENCE_S + GAP_S + MARGIN_S)
    time.sleep(1)
    begun = time.monotonic()
    try:
        strike(old)
        new = until(lambda: (found := site.leader(others)) and found is not old and found, 15, "another leader")
        until(site.vip_answers, 10, "the VIP to answer from the new leader")
        gap = time.monotonic() - begun
        time.sleep(3)
        text = judge(load.result(), cut_allowed=True)
        older = time.monotonic() - begun + 2
        expect(
            any(age > older for age, _ in site.past(new, new)),
            f"{new.name} remembers nothing from before it led, {older:.0f} s ago",
        )
        entries = json.loads(new.ssh("troop history -o json --count 20").stdout)["entries"]
        entry = next(entry for entry in entries if entry["event"] == "elected" and entry["leader"] == new.agent)
        leaderless = entry["leaderless_ms"]
    finally:
        mend(old)
    settle(site)
    expect(site.leader(others) is not None, "no leader after the host came back")
    until(lambda: site.sample(new, old), 20, f"{new.name} to have a sample of {old.name}'s agent")
    return (
        f"{old.name} → {new.name}, nobody led for {leaderless} ms ({entry['reason']}); the VIP answered {gap * 1000:.0f} ms after "
        f"the strike began (asked over ssh); {text}"
    )


def power_off(site):
    """The leader's host is switched off in order."""
    return leader_lost(site, lambda host: host.power_off(), lambda host: host.power_on())


def power_cut(site):
    """The leader's host loses its power."""
    return leader_lost(site, lambda host: host.power_cut(), lambda host: host.power_on())


def cable_cut(site):
    """The leader's host loses its carrier."""
    return leader_lost(site, lambda host: host.cut_cable(), lambda host: host.cut_cable(False))


def silent_cut(site):
    """The switch drops the leader's frames; nobody is told."""
    return leader_lost(site, lambda host: host.cut_silently(), lambda host: host.cut_silently(False))


def frozen(site):
    """The leader's host stands still, as a suspended virtual machine, and comes back believing that nothing happened."""
    return leader_lost(site, lambda host: host.freeze(), lambda host: host.freeze(False))


def switchover(site):
    """A person hands the leadership over under load; no request fails, none is cut."""
    settle(site)
    old = site.leader()
    target = next(host for host in site.agents if host is not old)
    load = RunningLoad(site)
    time.sleep(1)
    said = old.ssh(f"troop switchover --to {target.agent} --reason lab").stdout.strip()
    until(lambda: site.leader() is target, 5, f"{target.name} to lead")
    time.sleep(2)
    return f"{said}; {judge(load.result(), cut_allowed=False)}"


def redis_moves(site):
    """The host with Redis's master loses its power; the Sentinels promote a replica, and the troop goes on."""
    settle(site)
    address = site.redis_master()
    host = next(h for h in site.lab.hosts if h.address == address)
    others = [h for h in site.agents if h is not host]
    load = RunningLoad(site, patience=30)  # the leader may have been on that host: Sentinel's times come on top
    time.sleep(1)
    begun = time.monotonic()
    host.power_cut()  # settle switches it on again, whatever comes
    until(lambda: site.redis_master(others) not in (None, address), 60, "the Sentinels to promote a replica")
    moved = time.monotonic() - begun
    until(lambda: site.leader(others), 30, "a leader")
    led = time.monotonic() - begun
    time.sleep(2)
    result = load.result()
    # What the application on the dead host had taken is answered 502: it may have been done there, and is not asked again.
    for text, count in list(result["failures"].items()):
        if f"server {host.address}:" in text and "closed the connection without a response" in text:
            result["failures"].pop(text)
            result["failed"] -= count
            result["cut"] += count
    text = judge(result, cut_allowed=True)
    host.power_on()
    settle(site)
    return f"promoted after {moved:.1f} s, a leader after {led:.1f} s; {text}"


def rolling_upgrade(site):
    """upgrade.yml with a newer package under load, one host after the other; no request fails."""
    settle(site)
    load = RunningLoad(site)
    newer = site.newer_package()
    output = site.play("upgrade.yml", "-e", f"troop_deb={newer}", timeout=900).stdout
    text = judge(load.result(), cut_allowed=False)
    recap = site.recap(output)
    expect(all(row["failed"] == 0 for row in recap.values()), f"upgrade.yml failed: {recap}")
    versions = {host.name: host.ssh("dpkg-query -W -f '${Version}' troop").stdout for host in site.agents}
    expect(len(set(versions.values())) == 1, f"not all hosts have the new package: {versions}")
    settle(site)
    return f"{versions}; {text}"


def playbooks_are_idempotent(site):
    """A second run of site.yml changes nothing, and check mode agrees."""
    settle(site)
    for words in ((), ("--check", "--diff")):
        recap = site.recap(site.play("site.yml", *words).stdout)
        expect(recap and all(row["changed"] == 0 and row["failed"] == 0 for row in recap.values()), f"{words}: {recap}")
    return "no change"


@contextlib.contextmanager
def acting(site, monkey):
    """This monkey acts, and not only thinks, until the end."""
    site.ask(f"troop monkeys mode {monkey} enforce")
    try:
        yield
    finally:
        site.ask(f"troop monkeys mode {monkey} default")


def burn(host, cores):
    """As many cores are really used on a host until its unit `burn` is stopped, for five minutes at most."""
    host.ssh(f"systemd-run --unit=burn stress-ng --cpu 1 --cpu-load {cores * 100:.0f} --timeout 300s")


def doctor(site):
    """One host's CPU is really burnt: the doctor drains it, has it rebooted, and returns it."""
    settle(site)
    # Redis goes on: what its loss costs is another scenario's.
    spared = (site.leader().address, site.redis_master())
    patient = next(host for host in site.agents if host.address not in spared)
    boot, known = patient.boot_id(), site.operations()
    with acting(site, "doctor"):
        load = RunningLoad(site)
        begun = time.monotonic()
        burn(patient, 1)
        until(lambda: patient.boot_id() not in ("", boot), 120, f"{patient.name} to be rebooted")
        rebooted = time.monotonic() - begun
        operation = until(lambda: site.ended("reboot", known), 120, "the operation to end")
        expect(operation["state"] == "done", f"the reboot ended so: {operation}")
        until(lambda: site.servers(site.leader())[patient.agent]["state"] == "active", 10, f"{patient.name} to return")
        returned = time.monotonic() - begun
        time.sleep(2)
        text = judge(load.result(), cut_allowed=False)
    settle(site)
    return f"{patient.name} rebooted after {rebooted:.0f} s of heat, active again after {returned:.0f} s; {text}"


def gift(site):
    """All hosts are hot: a further lab host is launched by the exec provider, provisioned by ansible, and serves."""
    settle(site)
    known = site.operations()
    with Cloud(site.lab) as cloud, acting(site, "gift"):
        load = RunningLoad(site)
        begun = time.monotonic()
        for host in site.agents:
            burn(host, 0.8 * CORES)
        host = next(iter(until(lambda: cloud.launched, 120, "a launch").values()))
        launched = time.monotonic() - begun
        operation = until(lambda: site.ended("launch", known), 300, f"{host.name} to be on the list")
        for burning in site.agents:
            burning.ssh("systemctl stop burn", check=False)
        expect(operation["state"] == "done", f"the launch ended so: {operation}")
        host.agent = operation["target"]
        until(lambda: site.servers(site.leader())[host.agent]["healthy"], 30, f"{host.agent} to be healthy")
        served = time.monotonic() - begun
        time.sleep(4)
        result = load.result()
        text = judge(result, cut_allowed=False)
        expect(len(cloud.launched) == 1, f"{len(cloud.launched)} hosts were launched, and one was to be")
        expect(any(host.agent in name for name in result["by_server"]), f"{host.agent} got no request: {result['by_server']}")
    site.write_inventory()
    settle(site)
    return f"{host.name} launched after {launched:.0f} s of heat, healthy after {served:.0f} s; {text}"


SCENARIOS = {
    scenario.__name__: scenario
    for scenario in (
        playbooks_are_idempotent, switchover, power_off, power_cut, cable_cut, silent_cut, frozen, redis_moves,
        rolling_upgrade, refusals, package_life, doctor, gift,
    )
}  # fmt: skip
SHORT = ["switchover", "power_cut", "doctor", "gift", "rolling_upgrade"]
ALONE = {"package_life"}  # what needs no troop, but makes its own host
