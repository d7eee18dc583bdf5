"""Debian hosts on one machine: systemd-nspawn on a bridge inside a network namespace, each booted from an overlay.

Needs root. Everything is made under one work folder, one network namespace and one cgroup, and is gone after `Lab.down`.
"""

import contextlib
import os
import pathlib
import shutil
import subprocess
import threading
import time

CGROUPS = pathlib.Path("/sys/fs/cgroup")
NAMESPACE = "troop-lab"
BRIDGE = "br0"
SWITCH = "02:00:00:77:00:01"  # a bridge without an address of its own takes another port's whenever a host comes or goes
NETWORK = "10.77.0"
CONTROLLER = f"{NETWORK}.1"
CPU_SHARES = 4096  # of the whole lab, against 1024 of each process outside of it
REBOOTED = 133  # the exit status of systemd-nspawn when the host inside asked for a reboot

PACKAGES = (
    "systemd,systemd-sysv,dbus,openssh-server,python3,python3-apt,iproute2,curl,iputils-arping,iputils-ping,nftables,"
    "stress-ng,procps,ca-certificates,sudo,less"
)
# Ansible is on every host, since a leader runs playbooks; what those install is only fetched, for hosts of the lab reach
# no mirror.
PLAYBOOK_PACKAGES = "ansible-core"
LATER_PACKAGES = "libcurl4 libexpat1 libhiredis0.14 libssl3 libyaml-0-2 libstdc++6 redis-server redis-sentinel"


class LabFault(Exception):
    """Why the lab cannot go on: one line that says what to do."""


class StalledFault(LabFault):
    """What went wrong while this machine, and with it every host, stood still: it says nothing about the troop."""


def run(*command, check=True, timeout=60, **options):
    done = subprocess.run(
        [str(word) for word in command], text=True, capture_output=True, timeout=timeout, check=False, **options
    )
    if check and done.returncode != 0:
        raise LabFault(f"{' '.join(map(str, command))}: {done.stderr.strip() or done.stdout.strip()}")
    return done


def until(condition, seconds, what):
    """Waits for a condition and returns what it gave; a `LabFault` says what was waited for."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise LabFault(f"{what}: not within {seconds} s")
        time.sleep(0.02)


def build_base(folder):
    """The tree that all hosts share: made once with debootstrap, and topped up when the lists above have grown."""
    base = pathlib.Path(folder)
    mark, wanted = base / ".complete", f"{PLAYBOOK_PACKAGES}\n{LATER_PACKAGES}\n"
    if mark.exists() and mark.read_text() == wanted:
        return base
    if shutil.which("debootstrap") is None:
        raise LabFault("debootstrap is missing; run: scripts/bootstrap lab")
    if not mark.exists():
        print(f"lab: building the base system in {base} (once, about two minutes)", flush=True)
        shutil.rmtree(base, ignore_errors=True)
        base.parent.mkdir(parents=True, exist_ok=True)
        run("debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", base, timeout=1200)
    shutil.copy("/etc/resolv.conf", base / "etc/resolv.conf")
    apt = ["chroot", base, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    for words in (
        "update", f"install -y --no-install-recommends {PLAYBOOK_PACKAGES}",
        f"install -y --no-install-recommends --download-only {LATER_PACKAGES}",
    ):  # fmt: skip
        run(*apt, *words.split(), timeout=600)
    mark.write_text(wanted)
    return base


class Host:
    """One host: a name, an address, and the process that runs it while it has power."""

    def __init__(self, lab, number):
        self.lab = lab
        self.number = number
        self.name = f"h{number}"
        self.agent = self.name  # what the troop calls it
        self.serves = True  # whether it is one of the troop's hosts
        self.address = f"{NETWORK}.{10 + number}"
        self.folder = lab.folder / self.name
        self.root = self.folder / "root"
        self.port = f"vb-{self.name}"
        self._process = None
        self._thread = None
        self._wanted = threading.Event()

    # The machine.

    def make(self):
        for name in ("up", "work", "root"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        run(
            "mount", "-t", "overlay", f"troop-lab-{self.name}", "-o",
            f"lowerdir={self.lab.base},upperdir={self.folder}/up,workdir={self.folder}/work", self.root,
        )  # fmt: skip
        (self.root / "etc/hostname").write_text(f"{self.name}\n")
        (self.root / "etc/hosts").write_text(f"127.0.0.1 localhost\n{self.address} {self.name}\n")
        for stale in ("etc/machine-id", "var/lib/dbus/machine-id"):
            (self.root / stale).unlink(missing_ok=True)
        for key in (self.root / "etc/ssh").glob("ssh_host_*"):
            key.unlink()
        (self.root / "etc/machine-id").write_text(run("systemd-id128", "new").stdout)
        run("ssh-keygen", "-qt", "ed25519", "-N", "", "-f", self.root / "etc/ssh/ssh_host_ed25519_key")
        ssh = self.root / "root/.ssh"
        ssh.mkdir(mode=0o700, exist_ok=True)
        (ssh / "authorized_keys").write_text((self.lab.folder / "key.pub").read_text())
        network = self.root / "etc/systemd/network"
        network.mkdir(parents=True, exist_ok=True)
        (network / "10-host0.network").write_text(
            f"[Match]\nName=host0\n[Network]\nAddress={self.address}/24\nGateway={CONTROLLER}\n"
        )
        units = self.root / "etc/systemd/system"
        (units / "multi-user.target.wants").mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            (units / "multi-user.target.wants/systemd-networkd.service").symlink_to(
                "/lib/systemd/system/systemd-networkd.service"
            )
        for masked in ("getty@.service", "console-getty.service", "apt-daily.timer", "apt-daily-upgrade.timer"):
            with contextlib.suppress(FileExistsError):
                (units / masked).symlink_to("/dev/null")
        # A unit with a /proc of its own (ProtectProc=) sees the machine's boot id and not its host's.
        (self.root / "etc/tmpfiles.d/boot-id.conf").write_text("f /run/boot-id 0644 - - - %b\n")
        journald = self.root / "etc/systemd/journald.conf.d"
        journald.mkdir(parents=True, exist_ok=True)
        (journald / "cap.conf").write_text("[Journal]\nSystemMaxUse=16M\nStorage=persistent\n")

    def power_on(self, wait=True):
        if self._thread is None or not self._thread.is_alive():
            self._wanted.set()
            self._thread = threading.Thread(target=self._supervise, daemon=True)
            self._thread.start()
        if wait:
            self.await_ssh()

    def _supervise(self):
        while self._wanted.is_set():
            self._clear_remains()
            groups = [CGROUPS / name / "lab" / self.name for name in self.lab.hierarchies]
            for group in groups:
                group.mkdir(parents=True, exist_ok=True)
            for file in ("cpus", "mems"):
                source = CGROUPS / "cpuset/lab" / f"cpuset.{file}"
                if source.exists():
                    (CGROUPS / "cpuset/lab" / self.name / f"cpuset.{file}").write_text(source.read_text())
            enter = "; ".join(f"echo $$ >{group}/cgroup.procs" for group in groups)
            command = (
                f"{enter}; exec nsenter --net=/run/netns/{NAMESPACE} systemd-nspawn --register=no --keep-unit -qb "
                f"-D {self.root} --machine={self.name} --network-bridge={BRIDGE} --system-call-filter=bpf"
            )
            environment = dict(os.environ, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY="1")
            with open(self.folder / "console.log", "ab") as console:
                self._process = subprocess.Popen(
                    ["bash", "-c", command], stdin=subprocess.DEVNULL, stdout=console, stderr=console,
                    env=environment, start_new_session=True,
                )  # fmt: skip
            status = self._process.wait()
            if status != REBOOTED:
                return

    def _clear_remains(self):
        group = CGROUPS / "unified/lab" / self.name
        if group.exists():
            (group / "cgroup.kill").write_text("1")
            until(lambda: "populated 0" in (group / "cgroup.events").read_text(), 10, f"{self.name} to stop")
        while self._link("show", check=False).returncode == 0:
            self._link("del", check=False)
            time.sleep(0.01)
        remains = pathlib.Path("/run/systemd/nspawn/propagate") / self.name
        shutil.rmtree(remains, ignore_errors=True)
        for name in self.lab.hierarchies:
            top = CGROUPS / name / "lab" / self.name
            if top.exists():
                for folder, _, _ in os.walk(top, topdown=False):
                    with contextlib.suppress(OSError):
                        os.rmdir(folder)

    def _link(self, verb, *rest, check=True):
        return run("ip", "-n", NAMESPACE, "link", verb, self.port, *rest, check=check)

    def power_off(self):
        """The power button: systemd inside stops everything in order."""
        self._wanted.clear()
        if self._process and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(timeout=60)

    def power_cut(self):
        """The plug: everything inside is gone at once."""
        self._wanted.clear()
        (CGROUPS / "unified/lab" / self.name / "cgroup.kill").write_text("1")
        if self._process:
            self._process.wait(timeout=30)

    def freeze(self, frozen=True):
        """All of the host stands still, as a virtual machine that is suspended. The kernel, which is all hosts', would go on
        to answer for it; so nothing reaches it meanwhile."""
        self.cut_silently(frozen)
        (CGROUPS / "unified/lab" / self.name / "cgroup.freeze").write_text("1" if frozen else "0")

    def cut_cable(self, cut=True):
        """Carrier lost on both ends."""
        self._link("set", "down" if cut else "up")

    def cut_silently(self, cut=True):
        """Frames vanish in the switch; nobody is told."""
        run("bridge", "-n", NAMESPACE, "link", "set", "dev", self.port, "state", "0" if cut else "3")

    # What runs on it.

    def ssh(self, command, check=True, timeout=60):
        return self.lab.inside(
            "ssh", *self.lab.ssh_options, f"root@{self.address}", command, check=check, timeout=timeout
        )

    def answers(self):
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.ssh("true", check=False, timeout=5).returncode == 0
        return False

    def await_ssh(self, seconds=30):
        until(self.answers, seconds, f"ssh to {self.name}")

    def boot_id(self):
        """Another text after each boot; empty while the host cannot be asked."""
        return self.ssh("cat /proc/sys/kernel/random/boot_id", check=False).stdout.strip()


class Lab:
    """A switch and its hosts."""

    def __init__(self, folder, base):
        self.folder = pathlib.Path(folder)
        self.base = base
        self.hosts = []
        self.is_made = False
        wanted = "unified systemd freezer cpuacct cpu cpuset".split()
        self.hierarchies = [name for name in wanted if (CGROUPS / name).is_dir()]
        self.ssh_options = [
            "-i", str(self.folder / "key"), "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
            "-o", "LogLevel=ERROR", "-o", "ConnectTimeout=2", "-o", "BatchMode=yes",
            "-o", "ControlMaster=no",
        ]  # fmt: skip

    def up(self, count):
        if os.geteuid() != 0:
            raise LabFault("the lab needs root: it makes network namespaces, mounts and cgroups")
        if "unified" not in self.hierarchies:
            raise LabFault(f"no cgroup v2 hierarchy at {CGROUPS}/unified; the lab needs one there, beside version 1")
        events = CGROUPS / "unified/lab/cgroup.events"
        if events.exists() and "populated 1" in events.read_text():
            raise LabFault("another lab runs on this machine; end it first")
        self.is_made = True
        run("ip", "netns", "del", NAMESPACE, check=False)  # what a lab that was killed left behind
        self.folder.mkdir(parents=True, exist_ok=True)
        run("ssh-keygen", "-qt", "ed25519", "-N", "", "-f", self.folder / "key")
        run("ip", "netns", "add", NAMESPACE)
        for words in (
            f"link set lo up|link add {BRIDGE} address {SWITCH} type bridge stp_state 0 forward_delay 0|"
            f"addr add {CONTROLLER}/24 dev {BRIDGE}|link set {BRIDGE} up"
        ).split("|"):
            run("ip", "-n", NAMESPACE, *words.split())
        for name in self.hierarchies:
            (CGROUPS / name / "lab").mkdir(exist_ok=True)
        # All hosts together would weigh as much as one process of whatever else runs on this machine.
        shares = CGROUPS / "cpu/lab/cpu.shares"
        if shares.exists():
            shares.write_text(str(CPU_SHARES))
        for file in ("cpus", "mems"):
            source = CGROUPS / "cpuset" / f"cpuset.{file}"
            if source.exists():
                (CGROUPS / "cpuset/lab" / f"cpuset.{file}").write_text(source.read_text())
        for _ in range(count):
            self.add()
        for host in self.hosts:
            host.power_on(wait=False)
        for host in self.hosts:
            host.await_ssh()

    def add(self):
        """One more host, not yet switched on."""
        host = Host(self, len(self.hosts) + 1)
        host.make()
        self.hosts.append(host)
        return host

    def inside(self, *command, check=True, timeout=60, **options):
        """Runs a command on the controller, which is plugged into the switch."""
        return run(
            "nsenter", f"--net=/run/netns/{NAMESPACE}", *command, check=check, timeout=timeout, **options
        )

    def down(self):
        """Removes everything, however far `up` came."""
        if not self.is_made:
            shutil.rmtree(self.folder, ignore_errors=True)
            return
        for host in self.hosts:
            with contextlib.suppress(Exception):
                host.freeze(False)
            with contextlib.suppress(Exception):
                host.power_cut()
            with contextlib.suppress(Exception):
                host._clear_remains()
            run("umount", "-l", host.root, check=False)
        for name in self.hierarchies:
            with contextlib.suppress(OSError):
                os.rmdir(CGROUPS / name / "lab")
        run("ip", "netns", "del", NAMESPACE, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)
