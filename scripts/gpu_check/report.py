"""Report of the results."""


def row(when, gpu, other, path, ours, before, after, agrees, note):
    return {"when": when, "gpu": gpu, "beside": other, "field": path, "agent": ours, "before": before, "after": after,
            "agrees": agrees, "note": note}


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in cells) + " |" for cells in rows]) + "\n"


def tell(found):
    rows = found["rows"]
    apart = [row for row in rows if not row["agrees"]]
    host = found["host"]
    text = f"# {', '.join(sorted(set(found['gpus'])))}\n\n"
    text += f"{len(found['gpus'])} GPUs, driver {host['driver_version']}, CUDA {host['cuda_version']}, agent {host['agent_version']}.\n\n"
    for missing in found["missing"]:
        text += f"- Not done: {missing}.\n"
    text += f"\n## Fields\n\n{len(rows)} values compared, {len(rows) - len(apart)} agree.\n\n"
    if apart:
        text += table(["when", "GPU", "beside", "field", "agent", "before", "after", ""],
                      [[row["when"], row["gpu"], row["beside"], f"`{row['field']}`", row["agent"], row["before"], row["after"], row["note"]] for row in apart])
    if found.get("not_compared"):
        text += "\nNot compared:\n\n" + "".join(f"- `{path}`: {why}\n" for path, why in sorted(found["not_compared"].items()))
    if "costs" in found:
        costs = found["costs"]
        text += f"\n## Cost\n\nOver {costs['seconds']:.0f} s: {costs['processor_percent']:.3f} % of a core, agent and "
        text += f"collector with the driver's own part; {costs['memory_kib'] / 1024:.1f} MiB together; a tick takes {costs['tick_ms']:.2f} ms in the mean.\n\n"
        text += table(["function", "calls", "mean, µs"],
                      [[f"`{name}`", int(call["count"]), f"{call['mean_us']:.1f}"] for name, call in costs["calls"].items()])
    if "product" in found:
        product = found["product"]
        text += f"\n## Beside a matrix product\n\nNoise of the product alone: {100 * product['noise']:.2f} %.\n\n"
        text += table(["interval", "the product loses"], [[name, f"{100 * lost:.2f} %"] for name, lost in product["lost"].items()])
    return text
