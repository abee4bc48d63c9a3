"""The whole check, in order, and its report."""

import argparse
import contextlib
import json
import pathlib
import statistics
import subprocess
import sys
import time

from . import fields as table
from . import report
from .agent import Agent
from .others import Ml, Smi

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HELD = 2048 * table.MIB
# A context takes memory of its own: some hundreds of MiB.
CONTEXT = 1024 * table.MIB


def options(arguments):
    parser = argparse.ArgumentParser(prog="gpu-check", description="Checks the agent on a real GPU")
    parser.add_argument("--output", type=pathlib.Path, required=True, help="a folder for report.md, report.json and capture.toml")
    parser.add_argument("--agent", type=pathlib.Path, default=ROOT / "target/release/nvidia-smi-web-agent")
    parser.add_argument("--interval", default="1s", help="of the agent, while fields are compared")
    parser.add_argument("--seconds", type=float, default=600, help="over which processor time is measured; a twentieth for each measurement beside a matrix product")
    return parser.parse_args(arguments)


def compare(agent, others, fields, when):
    """Reads the others, the agent, and the others again; a row for each field and GPU."""
    before = [other.read(fields) for other in others]
    snapshot = agent.snapshot(after=time.time())
    after = [other.read(fields) for other in others]
    rows = []
    for gpu in snapshot["gpus"]:
        for other, old, new in zip(others, before, after):
            rows += of_gpu(gpu, other, old.get(gpu["uuid"]), new.get(gpu["uuid"]), fields, when)
    return rows, snapshot


def of_gpu(gpu, other, old, new, fields, when):
    if old is None or new is None:
        return [report.row(when, gpu["index"], other.name, "uuid", gpu["uuid"], None, None, False, "not listed")]
    rows = []
    for field in fields:
        if field.path not in old[0]:
            continue
        ours, theirs = field.of_agent(gpu), (old[0][field.path], new[0][field.path])
        note = field.why if ours is not None else gpu["absent"].get(field.path, "")
        rows.append(report.row(when, gpu["index"], other.name, field.path, ours, *theirs, field.agree(ours, *theirs), note))
    if other.name == Smi.name:
        ours = sorted(gpu["clocks"]["event_reasons"])
        theirs = [table.event_reasons(element) for element in (old[1], new[1])]
        both, either = (set(theirs[0] or ()) & set(theirs[1] or ())), (set(theirs[0] or ()) | set(theirs[1] or ()))
        agrees = both <= set(ours) <= either
        rows.append(report.row(when, gpu["index"], other.name, "clocks.event_reasons", ours, *theirs, agrees, ""))
    return rows


@contextlib.contextmanager
def working(*arguments):
    """A process that works on a GPU, after its first line; None if it cannot, and why."""
    command = [sys.executable, "-m", "gpu_check.work", *map(str, arguments)]
    process = subprocess.Popen(command, cwd=ROOT / "scripts", stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    try:
        yield process if process.stdout.readline() else None
    finally:
        process.stdin.close()
        process.wait()
        process.why = (process.stderr.read().strip().splitlines() or ["it said nothing"])[-1]


def held(agent, others, fields, found):
    """A process holds a known amount: its row must say so, and the GPU's memory must grow by it."""
    idle = agent.snapshot()["gpus"][0]["memory"]["used_bytes"]
    with working("hold", 0, HELD) as process:
        if process is None:
            found["missing"].append("work on the GPU (libcuda.so.1): memory of a known size and a matrix product were not tried")
            return
        rows, snapshot = compare(agent, others, fields, f"{HELD // table.MIB} MiB held")
        found["rows"] += rows
        mine = [row for row in snapshot["processes"] if row["pid"] == process.pid]
        told = mine[0]["gpu_memory_bytes"] if mine else None
        grown = snapshot["gpus"][0]["memory"]["used_bytes"] - idle
        for name, value in (("processes[].gpu_memory_bytes", told), ("memory.used_bytes, grown", grown)):
            fits = value is not None and HELD <= value <= HELD + CONTEXT
            found["rows"].append(report.row("held", 0, "what was allocated", name, value, HELD, HELD, fits, "and the context's own"))


def lines(process, seconds):
    """The numbers that a process prints in so many seconds."""
    end, numbers = time.monotonic() + seconds, []
    while time.monotonic() < end:
        numbers.append(float(process.stdout.readline()))
    return numbers


def busy(program, others, fields, found, seconds):
    """A matrix product with and without the agent, in turn: what it loses must be within the noise."""
    speeds = {"alone": [], "1s": [], "100ms": []}
    with working("product", 0) as process:
        if process is None:
            return
        lines(process, 3)
        for _ in range(3):
            speeds["alone"].append(statistics.median(lines(process, seconds)))
            for interval in ("1s", "100ms"):
                with Agent(program, interval) as agent:
                    lines(process, 1)
                    speeds[interval].append(statistics.median(lines(process, seconds)))
                    if interval == "1s":
                        agent.whole()
                        rows, _ = compare(agent, others, fields, "busy")
                        found["rows"] += rows
    alone = speeds["alone"]
    noise = (max(alone) - min(alone)) / statistics.median(alone)
    found["product"] = {
        "products_per_second": speeds,
        "noise": noise,
        "lost": {name: 1 - statistics.median(speeds[name]) / statistics.median(alone) for name in ("1s", "100ms")},
    }


def costs(agent, seconds):
    """What reading takes: each call, a whole tick, processor time, memory."""
    before = agent.processor_seconds()
    begun = time.monotonic()
    time.sleep(seconds)
    percent = 100 * (agent.processor_seconds() - before) / (time.monotonic() - begun)
    name = "nvsmi_agent_nvml_call_duration_seconds"
    sums, counts = agent.metrics(f"{name}_sum"), agent.metrics(f"{name}_count")
    calls = {labels.split('"')[1]: {"count": count, "mean_us": 1e6 * sums[labels] / count} for labels, count in counts.items() if count}
    ticks, ticked = agent.metrics("nvsmi_agent_sample_duration_seconds_sum"), agent.metrics("nvsmi_agent_sample_duration_seconds_count")
    return {
        "seconds": seconds,
        "processor_percent": percent,
        "memory_kib": agent.memory_kib(),
        "tick_ms": 1000 * sum(ticks.values()) / max(1, sum(ticked.values())),
        "calls": dict(sorted(calls.items(), key=lambda call: -call[1]["mean_us"])),
    }


def main(arguments):
    asked = options(arguments)
    asked.output.mkdir(parents=True, exist_ok=True)
    if not asked.agent.exists():
        print(f"gpu-check: {asked.agent} is not there: run `make build`, or name another with --agent", file=sys.stderr)
        return 2
    smi, ml = Smi(), Ml()
    others = [other for other in (smi, ml) if not other.missing]
    found = {"missing": [other.missing for other in (smi, ml) if other.missing], "rows": []}
    if not others:
        print("gpu-check: nobody to compare with: " + "; ".join(found["missing"]), file=sys.stderr)
        return 2
    try:
        with Agent(asked.agent, asked.interval) as agent:
            fields, found["not_compared"] = table.all_fields(ml.module, agent.document())
            agent.whole()
            rows, snapshot = compare(agent, others, fields, "idle")
            found["rows"] += rows
            found["host"] = {key: snapshot["host"][key] for key in ("driver_version", "cuda_version", "agent_version")}
            found["gpus"] = [gpu["name"] for gpu in snapshot["gpus"]]
            held(agent, others, fields, found)
            found["costs"] = costs(agent, asked.seconds)
        busy(asked.agent, others, fields, found, max(3, asked.seconds / 20))
    except RuntimeError as error:
        print(f"gpu-check: {error}", file=sys.stderr)
        return 2
    capture = subprocess.run([asked.agent, "capture", "--output", asked.output / "capture.toml"], capture_output=True, text=True)
    if capture.returncode:
        found["missing"].append(f"the capture: {capture.stderr.strip()}")
    text = report.tell(found)
    (asked.output / "report.md").write_text(text)
    (asked.output / "report.json").write_text(json.dumps(found, indent=1) + "\n")
    print(text)
    return 0 if all(row["agrees"] for row in found["rows"]) else 1
