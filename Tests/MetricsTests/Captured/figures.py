#!/usr/bin/env python3
"""Computes what a sampler must see in a capture, from the files alone, by the formulas of docs/metrics.md.

    Tests/MetricsTests/Captured/figures.py NAME ...

It prints an entry for Tests/MetricsTests/CapturedKernels.swift, and shares no code with what is tested.
"""

import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
PAGE = 4  # KiB, on all the machines that are captured here


def ticks(text):
    """Each CPU's counters: user nice system idle iowait irq softirq steal."""
    rows = re.findall(r"^cpu(\d+) (.*)$", text, re.MULTILINE)
    return {int(number): [int(word) for word in words.split()[:8]] for number, words in rows}


def shares(before, after, cpus):
    """Busy, steal and iowait as shares of all the time of these CPUs."""
    grown = [sum(max(0, after[cpu][field] - before[cpu][field]) for cpu in cpus) for field in range(8)]
    return tuple(part / sum(grown) for part in (sum(grown) - grown[3] - grown[4], grown[7], grown[4]))


def pairs(text):
    """Lines of a name and a number: meminfo, vmstat."""
    return {name: int(number) for name, number in re.findall(r"^([^\s:]+):?\s+(\d+)", text, re.MULTILINE)}


def estimate(memory, zones):
    """The memory available as kernels without MemAvailable would have it, in KiB."""
    low = sum(int(number) for number in re.findall(r"^\s+low\s+(\d+)$", zones, re.MULTILINE)) * PAGE
    files, slabs = memory["Active(file)"] + memory["Inactive(file)"], memory["SReclaimable"]
    return memory["MemFree"] - low + files - min(files // 2, low) + slabs - min(slabs // 2, low)


def stalls(folder):
    """Pressure: the percentages of ten seconds, `some` and `full`."""
    if not (folder / "pressure/cpu").exists():
        return "nil"
    words = []
    for resource in ("cpu", "memory", "io"):
        text = (folder / "pressure" / resource).read_text()
        found = dict(re.findall(r"^(some|full) avg10=([\d.]+)", text, re.MULTILINE))
        words.append(f"{resource}: [{found['some']}, {found.get('full', 'nil')}]")
    return f".init({', '.join(words)})"


def figures(name):
    """The entry of one capture."""
    moments = [HERE / name / "before", HERE / name / "after"]

    def texts(file):
        return [(moment / file).read_text() for moment in moments]

    uptimes = [float(text.split()[0]) for text in texts("uptime")]
    seconds = round(uptimes[1] - uptimes[0], 2)
    before, after = (ticks(text) for text in texts("stat"))
    both = sorted(before.keys() & after.keys())
    busy, steal, iowait = shares(before, after, both)
    cores = ", ".join(f"{cpu}: {shares(before, after, [cpu])[0]:.6f}" for cpu in both)
    memory = pairs(texts("meminfo")[1])
    told = [int(words[6]) for words in map(str.split, (HERE / name / "after.tools").read_text().split("\n"))
            if words[:1] == ["Mem:"]][0]  # fmt: skip
    old, new = ({row.split()[2]: [int(word) for word in row.split()[3:]] for row in text.splitlines()}
                for text in texts("diskstats"))  # fmt: skip
    whole = [disk for disk in new if not re.fullmatch(r"[sv]d[a-z]+\d+|nvme\d+n\d+p\d+|(loop|z?ram|fd)\d+", disk)]
    disks = ", ".join(
        f'.init("{disk}", read: {(new[disk][2] - old[disk][2]) * 512 / seconds:.3f}, '
        f"written: {(new[disk][6] - old[disk][6]) * 512 / seconds:.3f})" for disk in whole)
    old, new = ({row.split(":")[0].strip(): [int(word) for word in row.split(":")[1].split()]
                 for row in text.splitlines()[2:]} for text in texts("net/dev"))  # fmt: skip
    networks = ", ".join(
        f'.init("{card}", received: {(new[card][0] - old[card][0]) / seconds:.3f}, '
        f"sent: {(new[card][8] - old[card][8]) / seconds:.3f})" for card in new)
    old, new = (pairs(text) for text in texts("vmstat"))
    paging = {field: (new[field] - old[field]) / seconds for field in ("pswpin", "pswpout", "pgmajfault")}
    load = ", ".join(texts("loadavg")[1].split()[:3])
    boot = re.search(r"^btime (\d+)", texts("stat")[1], re.MULTILINE).group(1)
    return f"""CapturedKernel(
            name: "{name}", milliseconds: {round(seconds * 1000)}, cpu: {busy:.6f}, steal: {steal:.6f}, iowait: {iowait:.6f},
            coresBefore: {len(before)}, coresAfter: {len(after)}, coreShares: [{cores}],
            memory: .init(
                totalKiB: {memory['MemTotal']}, availableKiB: {memory['MemAvailable']}, used: {1 - memory['MemAvailable'] / memory['MemTotal']:.6f}, toldByFreeKiB: {told},
                estimatedKiB: {estimate(memory, texts('zoneinfo')[1])}),
            load: [{load}], pressure: {stalls(moments[1])},
            disks: [{disks}],
            networks: [{networks}],
            paging: .init(
                swappedIn: {paging['pswpin']:.3f}, swappedOut: {paging['pswpout']:.3f}, majorFaults: {paging['pgmajfault']:.3f}, killsBefore: {old['oom_kill']}, killsAfter: {new['oom_kill']}),
            bootTime: {boot})"""


for argument in sys.argv[1:]:
    print(f"        {figures(argument)},")
