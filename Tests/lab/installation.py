"""A troop on the lab's hosts: installed by the project's own playbooks, asked by the troop command and by curl."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

import cloud
from hosts import NAMESPACE, NETWORK, LabFault, run, until

HERE = pathlib.Path(__file__).resolve().parent
ANSIBLE = HERE.parent.parent / "ansible"
VIP = f"{NETWORK}.100"
CORES = 0.3  # what counts as all of a host's CPU: the hosts share this machine's
PASSWORDS = {"redis_troop_password": "lab-troop", "redis_admin_password": "lab-admin", "redis_sentinel_password": "lab-sentinel",
             "troop_api_token": "lab-token"}  # fmt: skip


class Installation:
    def __init__(self, lab, deb, redis_mode="sentinel", settings=None):
        self.lab = lab
        self.deb = pathlib.Path(deb).resolve()
        self.redis_mode = redis_mode
        self.settings = settings or {}
        self.inventory = lab.folder / "inventory.yml"

    # Playbooks.

    def write_inventory(self, hosts=None):
        names = hosts or [host for host in self.lab.hosts if host.serves]
        # A single Redis is on a host of its own: it must not die with a leader.
        redis = self.lab.hosts[:3] if self.redis_mode == "sentinel" else self.lab.hosts[:1]
        agents = [host for host in names if self.redis_mode == "sentinel" or host not in redis]
        entry = lambda host: {"ansible_host": host.address}  # noqa: E731
        settings = {
            "host": {"boot_id_file": "/run/boot-id"},
            "proxy": {"listen": "0.0.0.0:8080", "workers": 1, "slow_start": "2s"},
            # Hosts share the machine's /proc/stat: each watches its own root group, and CORES are all of its CPU.
            "metrics": {"scope": "cgroup", "cgroup": "/", "cpu_allowance": CORES},
            "vip": {"address": f"{VIP}/24", "interface": "host0"},
            "remediation": {
                "provider": {"kind": "exec", "command": ["/etc/troop/provider", cloud.URL], "timeout": "15s"},
                # Monkeys act only where a scenario asks for them; they think in seconds instead of minutes.
                "gift": {"mode": "observe", "hold": "12s", "max": 4, "cooldown": "10s"},
                "doctor": {"mode": "observe", "hold": "12s", "drain": "5s", "cooldown": "10s"},
                "guard": {"grace": "3s"},
            },
            **self.settings,
        }
        self.role_settings = settings
        document = {
            "all": {
                "vars": {
                    "ansible_user": "root",
                    "ansible_ssh_private_key_file": str(self.lab.folder / "key"),
                    "ansible_ssh_common_args": "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null",
                    "ansible_python_interpreter": "/usr/bin/python3",
                    "troop_cluster": "lab",
                    "troop_deb": str(self.deb),
                    "redis_mode": self.redis_mode,
                    "troop_settings": settings,
                    "troop_dropins": ["vip.conf"],
                    "troop_files": [{"src": str(HERE / "provider.py"), "name": "provider", "mode": "0750"}],
                    "troop_runs_playbooks": True,
                    "troop_machine_user": "root",
                    "troop_machine_key_file": str(self.lab.folder / "key"),
                    **PASSWORDS,
                },
                "children": {
                    "redis": {"hosts": {host.agent: entry(host) for host in redis}},
                    "troop": {"hosts": {host.agent: entry(host) for host in agents}},
                    "app": {"children": {"troop": {}}},
                },
            }
        }
        self.inventory.write_text(json.dumps(document, indent=1))  # JSON is YAML
        self.agents = agents

    def play(self, playbook, *rest, check=True, timeout=600):
        environment = dict(os.environ, ANSIBLE_CONFIG=str(ANSIBLE / "ansible.cfg"), ANSIBLE_NOCOLOR="1",
                           ANSIBLE_HOST_KEY_CHECKING="False", ANSIBLE_FORKS="5",
                           # Connections that ansible keeps must not outlive this lab, nor a host's power.
                           ANSIBLE_SSH_CONTROL_PATH_DIR=str(self.lab.folder / "cp"),
                           ANSIBLE_SSH_ARGS="-C -o ControlMaster=auto -o ControlPersist=20s -o ServerAliveInterval=3 "
                                            "-o ServerAliveCountMax=3")  # fmt: skip
        done = self.lab.inside(
            "ansible-playbook", "-i", self.inventory, ANSIBLE / playbook, *rest, check=False, timeout=timeout,
            env=environment,
        )  # fmt: skip
        (self.lab.folder / "ansible.log").open("a").write(done.stdout + done.stderr)
        if check and done.returncode != 0:
            lines = [line for line in done.stdout.splitlines() if "fatal" in line or "FAILED" in line or "msg" in line]
            raise LabFault(f"{playbook} failed:\n" + "\n".join(lines[-30:] or done.stdout.splitlines()[-30:]) + done.stderr)
        return done

    @staticmethod
    def recap(output):
        """Ansible's last lines, as {host: {changed: 0, …}}."""
        found = {}
        for line in output.split("PLAY RECAP", 1)[-1].splitlines():
            if " : ok=" in line:
                name, rest = line.split(":", 1)
                found[name.strip()] = {k: int(v) for k, v in (word.split("=") for word in rest.split())}
        return found

    def install(self):
        self.write_inventory()
        self.play("site.yml")
        until(lambda: self.leader(), 20, "a first leader")

    def newer_package(self, suffix="+next"):
        """The same package with a higher version, as an upgrade brings it."""
        folder = self.lab.folder / "newer"
        run("dpkg-deb", "-R", self.deb, folder)
        control = folder / "DEBIAN/control"
        control.write_text(re.sub(r"(?m)^Version: (.*)$", rf"Version: \1{suffix}", control.read_text()))
        target = self.lab.folder / self.deb.name.replace("_amd64", f"{suffix}_amd64")
        run("dpkg-deb", "--root-owner-group", "-Zgzip", "--build", folder, target)
        shutil.rmtree(folder)
        return target

    # Questions.

    def redis_master(self, among=None):
        """The address of Redis's master by the word of a Sentinel; None when none answers."""
        for host in among or self.agents:
            done = host.ssh(
                f"redis-cli -p 26379 -a {PASSWORDS['redis_sentinel_password']} --no-auth-warning "
                "SENTINEL get-master-addr-by-name troop", check=False, timeout=10,
            )  # fmt: skip
            if done.returncode == 0 and done.stdout.strip():
                return done.stdout.split()[0]
        return None

    def status(self, host):
        done = host.ssh("troop status -o json", check=False, timeout=10)
        try:
            return json.loads(done.stdout)
        except ValueError:
            return None

    def past(self, host, of):
        """What an agent remembers of a host, as (age in seconds, share of the CPU), the oldest first."""
        path = f"/v1/hosts/{of.agent}/history?from=15m&series=cpu"
        done = host.ssh(f"curl -sf --max-time 5 --unix-socket /run/troop/agent.sock 'http://localhost{path}'", check=False, timeout=10)
        if done.returncode != 0:
            return []
        answer = json.loads(done.stdout)
        ages = lambda row: (answer["now_ms"] - answer["from_ms"] - row * answer["step_ms"]) / 1000  # noqa: E731
        return [(ages(row), value) for row, value in enumerate(answer["series"]["cpu"]) if value is not None]

    def sample(self, host, of):
        """The last sample of another host, which its agent tells over the network; None when that cannot be asked."""
        path = f"/v1/hosts/{of.agent}/sample"
        done = host.ssh(f"curl -sf --max-time 5 --unix-socket /run/troop/agent.sock 'http://localhost{path}'", check=False, timeout=10)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def leader(self, among=None):
        """The host that leads by the word of any agent that answers; None when nobody knows one."""
        for host in among or self.agents:
            status = self.status(host)
            if status and status["leader"]:
                return next((h for h in self.agents if h.agent == status["leader"]["host"]), None)
        return None

    def refuses(self, playbook, *rest, because):
        """Runs a playbook that is to fail, and returns the words of its failure among which `because` must be."""
        done = self.play(playbook, *rest, check=False)
        text = " ".join((done.stdout + done.stderr).split())
        if done.returncode == 0 or because not in text:
            raise LabFault(f"{playbook} was to fail with '{because}'; status {done.returncode}: {text[-1500:]}")
        return text

    def ask(self, command):
        """What a troop command answers, whichever agent is asked; tried again for a while, as after an election."""
        said = []

        def one():
            for host in self.agents:
                done = host.ssh(command, check=False, timeout=20)
                if done.returncode == 0:
                    return done
                said.append(f"{host.name}: {(done.stderr or done.stdout).strip()}")
            return None

        try:
            return until(one, 10, command).stdout
        except LabFault as fault:
            raise LabFault(f"{fault}; {'; '.join(said[-len(self.agents):])}") from None

    def operations(self):
        """All operations of the troop by their ids."""
        return {row["id"]: row for row in json.loads(self.ask("troop operations list -o json --count 1000"))}

    def ended(self, kind, known):
        """The operation of this kind that is not among the known ones and has ended, with its lines; None when none has."""
        for row in self.operations().values():
            if row["kind"] == kind and row["id"] not in known and row["state"] in ("done", "failed", "cancelled"):
                return json.loads(self.ask(f"troop operations show {row['id']} --log -o json"))
        return None

    def vip_answers(self, timeout=1):
        done = self.lab.inside(
            "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", timeout, f"http://{VIP}:8080/",
            check=False,
        )  # fmt: skip
        return done.stdout == "200"

    def servers(self, host):
        return {server["host"]: server for server in (self.status(host) or {"servers": []})["servers"]}

    def healthy(self, count):
        def look():
            leader = self.leader()
            status = leader and self.status(leader)
            good = [s for s in (status or {"servers": []})["servers"] if s["state"] == "active" and s["healthy"]]
            return len(good) >= count

        return look


class RunningLoad:
    """load.py on the controller, until `result` is asked for."""

    def __init__(self, site, rate=200, patience=1.5, address=VIP, port=8080):
        self.process = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{NAMESPACE}", sys.executable, str(HERE / "load.py"), address, str(port),
             str(rate), "600", str(patience)],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        time.sleep(0.5)

    def result(self):
        self.process.send_signal(signal.SIGTERM)
        out, _ = self.process.communicate(timeout=60)
        return json.loads(out)
