"""The agent, started as a user would start it, and its resource use from the kernel."""

import json
import os
import pathlib
import socket
import subprocess
import time
import urllib.request

PATIENCE = 60


class Agent:
    """A running agent on its own port."""

    def __init__(self, program, interval="1s"):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        environment = {name: value for name, value in os.environ.items() if name not in ("TOKEN", "PORT", "URL_PREFIX")}
        self.process = subprocess.Popen(
            [str(program), "--bind=127.0.0.1", f"--port={self.port}", f"--interval={interval}", "--log=error"],
            env=environment, stdin=subprocess.DEVNULL)
        self.until(lambda: self.ask("/readyz") is not None, "the agent to read the GPUs")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def until(self, wish, what):
        end = time.monotonic() + PATIENCE
        while not wish():
            if self.process.poll() is not None:
                raise RuntimeError(f"the agent ended with status {self.process.returncode}")
            if time.monotonic() > end:
                raise RuntimeError(f"waited in vain for {what}: see `nvidia-smi-web-agent check`")
            time.sleep(0.05)

    def ask(self, path):
        """Body of an answer; None if the status is not 200."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
                return answer.read()
        except OSError:
            return None

    def document(self):
        """Its OpenAPI document."""
        return json.loads(self.ask("/openapi.json") or "{}")

    def snapshot(self, after=0.0):
        """First snapshot in which every readable GPU was read after that time."""
        newest = {}

        def fresh():
            newest.update(json.loads(self.ask("/api/v1/snapshot") or "{}"))
            gpus = newest.get("gpus", [])
            return gpus and all(gpu["read_at"] >= after * 1000 for gpu in gpus if gpu["state"] == "ok")

        self.until(fresh, "a fresh reading")
        return newest

    def whole(self):
        """Wait until the slow readings and those measured over a window are complete."""
        begun = self.snapshot()["sequence"]
        self.until(lambda: self.snapshot()["sequence"] >= begun + 14, "fourteen readings")

    def metrics(self, name):
        """Samples of a metric: labels as text, and the value."""
        found = {}
        for line in (self.ask("/metrics?set=full") or b"").decode().splitlines():
            if line.startswith(name) and line[len(name):len(name) + 1] in ("{", " "):
                labels, value = line[len(name):].rsplit(" ", 1)
                found[labels] = float(value)
        return found

    def pids(self):
        """The agent and its collector."""
        own = self.process.pid
        children = set()
        for thread in pathlib.Path(f"/proc/{own}/task").iterdir():
            children.update((thread / "children").read_text().split())
        return [own, *map(int, children)]

    def processor_seconds(self):
        seconds = 0.0
        for pid in self.pids():
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            seconds += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return seconds

    def memory_kib(self):
        lines = [line for pid in self.pids() for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()]
        return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
