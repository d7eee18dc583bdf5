"""Runs the lab: `make lab`, or `python3 Tests/lab/run.py --deb PACKAGE [--short] [SCENARIO …]`.

Prints a line a scenario, writes a report as text and as JUnit XML, and removes everything at the end. Exit status: 0 when
all passed, 1 when one failed, 2 when the lab itself could not be built.
"""

import argparse
import pathlib
import signal
import sys
import tempfile
import time
import traceback
import xml.etree.ElementTree as xml

from hosts import Lab, LabFault, StalledFault, build_base
from installation import Installation
from scenarios import ALONE, SCENARIOS, SHORT


EVIDENCE_LINES = 8  # of each host's journal, under a scenario that failed


def attempt(site, name):
    """The scenario's text and its failure, one of them None."""
    try:
        return SCENARIOS[name](site), None
    except LabFault as fault:
        return None, fault
    except Exception as fault:  # noqa: BLE001: a fault of the scenario itself is a failure with its trace
        return None, LabFault("".join(traceback.format_exception(fault)))


def play(site, name):
    begun = time.monotonic()
    since = int(time.time())
    text, failure = attempt(site, name)
    if isinstance(failure, StalledFault):
        print(f"again   {name:26} {failure}", flush=True)
        text, failure = attempt(site, name)
    seconds = time.monotonic() - begun
    print(f"{'FAILED' if failure else 'passed'}  {name:26} {seconds:6.1f} s  {failure or text}", flush=True)
    words = str(failure) + evidence(site, since) if failure else None
    return name, seconds, text or "", words


def evidence(site, since):
    """What the hosts' agents said meanwhile: the last of it is printed, all of it goes into the report."""
    lines = [""]
    for host in site.lab.hosts:
        try:
            done = host.ssh(f"journalctl -u troop --since @{since} --no-pager -o short-precise", check=False, timeout=20)
            said = (done.stdout or done.stderr).splitlines()
        except Exception as fault:  # noqa: BLE001: the failure itself is what matters
            said = [f"cannot be asked: {fault}"]
        lines += [f"{host.name}: {line}" for line in said]
        for line in said[-EVIDENCE_LINES:]:
            print(f"        {host.name}: {line[:240]}", flush=True)
    return "\n".join(lines)


def report(results, folder):
    suite = xml.Element("testsuite", name="lab", tests=str(len(results)), failures=str(sum(1 for r in results if r[3])))
    lines = []
    for name, seconds, text, failure in results:
        case = xml.SubElement(suite, "testcase", classname="lab", name=name, time=f"{seconds:.1f}")
        xml.SubElement(case, "system-out").text = text
        if failure:
            xml.SubElement(case, "failure", message=failure.splitlines()[0][:200]).text = failure
        lines.append(f"{'FAILED' if failure else 'passed'}  {name}  {seconds:.1f} s\n    {failure or text}\n")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "lab.txt").write_text("".join(lines))
    xml.ElementTree(suite).write(folder / "lab.xml", encoding="utf-8", xml_declaration=True)
    print(f"report: {folder}/lab.txt and lab.xml")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--deb", required=True, help="the package to install (make deb)")
    arguments.add_argument("--base", default="/var/cache/troop-lab/base", help="the shared base system, made when missing")
    arguments.add_argument("--hosts", type=int, default=3)
    arguments.add_argument("--report", default=".build/lab", help="the folder of the report")
    arguments.add_argument("--short", action="store_true", help=f"only {', '.join(SHORT)}")
    arguments.add_argument("--keep", action="store_true", help="leave the lab up; ends with Ctrl-C")
    arguments.add_argument("scenario", nargs="*", help=f"of {', '.join(SCENARIOS)}; all by default")
    options = arguments.parse_args()
    unknown = [name for name in options.scenario if name not in SCENARIOS]
    if unknown:
        arguments.error(f"no such scenario: {', '.join(unknown)}; there are {', '.join(SCENARIOS)}")
    names = options.scenario or (SHORT if options.short else list(SCENARIOS))

    # However it is told to stop, the hosts go.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    lab = Lab(tempfile.mkdtemp(prefix="troop-lab-"), pathlib.Path(options.base))
    results = []
    try:
        build_base(options.base)
        begun = time.monotonic()
        is_bare = ALONE.issuperset(names)
        lab.up(0 if is_bare else options.hosts)
        site = Installation(lab, options.deb)
        if not is_bare:
            print(f"lab: {options.hosts} hosts booted in {time.monotonic() - begun:.1f} s", flush=True)
            begun = time.monotonic()
            site.install()
            print(f"lab: Redis, agents and applications installed in {time.monotonic() - begun:.1f} s", flush=True)
        for name in names:
            results.append(play(site, name))
        if options.keep:
            print(f"lab: it stays up; a shell on its network: nsenter --net=/run/netns/troop-lab bash; key {lab.folder}/key")
            while True:
                time.sleep(3600)
    except LabFault as fault:
        print(f"lab: {fault}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        pass
    finally:
        lab.down()
    report(results, pathlib.Path(options.report))
    passed = sum(1 for result in results if not result[3])
    print(f"{passed} passed, {len(results) - passed} failed")
    return 0 if passed == len(results) else 1


if __name__ == "__main__":
    sys.exit(main())
