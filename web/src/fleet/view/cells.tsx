import { memo } from "../../components/memo";
import { bytes, celsius, duration, ofTotal, percent, plural, watts } from "../../model/format";
import { verdict } from "../../model/gpu";
import { hosts, hubNow } from "../live/store";
import { type CellStatus, cellStatus, gpuCount } from "../model/host";
import type { FleetGpu, Host, UseCounts } from "../types";

export const CELL_WORDS: Record<CellStatus, string> = {
  free: "free",
  busy: "busy",
  held: "idle, memory held",
  unknown: "unknown",
  stale: "not current",
  lost: "lost",
  denied: "no access",
  asleep: "asleep",
  error: "error",
  trouble: "in trouble",
};

/** GPUs of a host: one cell each, with a colour and a mark. */
export function Cells({ host }: { host: Host }) {
  const { gpus, counts } = host;
  const label = countText(counts.gpus);
  if (gpus === undefined || (gpus.length === 0 && gpuCount(counts.gpus) > 0)) {
    return <CountBar counts={counts.gpus} label={label} />;
  }
  if (gpus.length === 0) return <span class="fine">{host.state === "ok" ? "no GPU" : ""}</span>;
  return (
    <div class="cells" role="img" aria-label={label} data-size={sizeOf(gpus.length)}>
      {gpus.map(gpu => (
        <Cell
          key={gpu.index}
          index={gpu.index}
          status={cellStatus(host, gpu)}
          level={levelOf(gpu.utilization_percent)}
          mig={gpu.mig.map(each => verdict(host.state === "ok" ? each.use : "unknown")).join(" ")}
        />
      ))}
    </div>
  );
}

const sizeOf = (count: number): string => (count <= 8 ? "large" : count <= 16 ? "middle" : "small");

/** Steps of a cell's level: finer ones could not be seen, and each change costs a repaint. */
const LEVELS = 10;
/** Level of a busy GPU, which is never drawn as empty. */
const levelOf = (percent: number | null): number => Math.max(2, Math.round(((percent ?? 0) / 100) * LEVELS));

const Cell = memo(
  ({ index, status, level, mig }: { index: number; status: CellStatus; level: number; mig: string }) => (
    <i
      class={mig === "" ? "cell" : "cell mig"}
      data-status={status}
      data-index={index}
      data-level={status === "busy" && mig === "" ? level : undefined}
    >
      {mig !== "" && mig.split(" ").map((use, at) => <b key={at} data-status={use} />)}
    </i>
  ),
);

/** Numbers of GPUs by use, as long as GPUs are not known one by one. */
export function CountBar({ counts, label }: { counts: UseCounts; label: string }) {
  return (
    <div class="count-bar" role="img" aria-label={label}>
      {(["free", "held", "busy", "unknown"] as const).map(
        use => counts[use] > 0 && <i key={use} data-status={use} style={{ "--of": counts[use] }} />,
      )}
    </div>
  );
}

/** `8 GPUs: 2 free, 1 idle with memory held, 5 busy`. */
export function countText(counts: UseCounts): string {
  const parts = [
    [counts.free, "free"],
    [counts.held, "idle with memory held"],
    [counts.busy, "busy"],
    [counts.unknown, "unknown"],
  ] as const;
  const all = parts.filter(([count]) => count > 0).map(([count, word]) => `${count} ${word}`);
  return `${plural(gpuCount(counts), "GPU")}${all.length > 0 ? `: ${all.join(", ")}` : ""}`;
}

/** Fills in the tooltip of the cell under the pointer: texts of all cells would cost each update. */
export function describeCell(event: Event): void {
  const cell = event.target instanceof Element ? event.target.closest<HTMLElement>(".cell") : null;
  const name = cell?.closest<HTMLElement>("[data-host]")?.dataset["host"];
  const host = name === undefined ? undefined : hosts.peek().get(name);
  const gpu = host?.gpus?.find(each => each.index === Number(cell?.dataset["index"]));
  if (cell && host && gpu) cell.dataset["tooltip"] = tooltipOf(host, gpu);
}

function tooltipOf(host: Host, gpu: FleetGpu): string {
  const title = `GPU ${gpu.index}${gpu.name === null ? "" : ` · ${gpu.name}`}`;
  const status = cellStatus(host, gpu);
  if (host.state !== "ok") {
    const last = gpu.last_use ? ` It was ${gpu.last_use} when the host last reported.` : "";
    return `${title}\nUnknown: the host is ${host.state}.${last}`;
  }
  const values = [
    gpu.utilization_percent !== null && percent(gpu.utilization_percent),
    gpu.memory_total_bytes !== null &&
      gpu.memory_free_bytes !== null &&
      `${ofTotal(gpu.memory_total_bytes - gpu.memory_free_bytes, gpu.memory_total_bytes)} used`,
    gpu.power_watts !== null && watts(gpu.power_watts),
    gpu.temperature_celsius !== null && celsius(gpu.temperature_celsius),
  ].filter(value => value !== false);
  const time = gpu.since === null ? "" : ` for ${duration(hubNow() - gpu.since)}`;
  const lines = [
    title,
    `${CELL_WORDS[status]}${time}`,
    values.join(" · "),
    gpu.users && gpu.users.length > 0 ? gpu.users.join(", ") : "",
    ...gpu.mig.map(each => {
      const free = each.memory_free_bytes === null ? "" : `, ${bytes(each.memory_free_bytes)} free`;
      const users = each.users && each.users.length > 0 ? `, ${each.users.join(", ")}` : "";
      return `${each.label}: ${each.use}${free}${users}`;
    }),
  ];
  return lines.filter(line => line !== "").join("\n");
}
