import type { ReadonlySignal } from "@preact/signals";
import { useMemo, useRef } from "preact/hooks";
import { claimText } from "../../model/claim";
import { bytes, celsius, duration, ofTotal, percent, plural, watts } from "../../model/format";
import { verdict } from "../../model/gpu";
import { hosts, hubNow } from "../live/store";
import { unchanging } from "../live/unchanging";
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
export function Cells({ host }: { host: ReadonlySignal<Host> }) {
  const looks = useMemo(() => looksOf(host), [host]);
  const frame = useMemo(() => unchanging(() => frameOf(host.value)), [host]);
  const drawn = useRef(new Map<number, Drawn>());
  void frame.value;
  const { gpus, counts, state } = host.peek();
  const label = countText(counts.gpus);
  if (gpus === undefined || (gpus.length === 0 && gpuCount(counts.gpus) > 0)) {
    return <CountBar counts={counts.gpus} label={label} />;
  }
  if (gpus.length === 0) return <span class="fine">{state === "ok" ? "no GPU" : ""}</span>;
  return (
    <div class="cells" role="img" aria-label={label} data-size={sizeOf(gpus.length)}>
      {looks.value.map((look, at) => {
        // A cell that looks the same keeps its element, so that nothing of it is compared.
        const known = drawn.current.get(at);
        if (known?.look === look) return known.element;
        const element = cell(gpus[at]?.index ?? at, look);
        drawn.current.set(at, { look, element });
        return element;
      })}
    </div>
  );
}

interface Drawn {
  look: string;
  element: ReturnType<typeof cell>;
}

/** All that is shown apart from the cells themselves. */
const frameOf = ({ state, counts, gpus }: Host): readonly unknown[] => [
  state,
  counts,
  gpus === undefined,
  ...(gpus ?? []).map(({ index }) => index),
];

/** Looks of the cells of a host. */
function looksOf(host: ReadonlySignal<Host>): ReadonlySignal<readonly string[]> {
  let before: readonly string[] = [];
  return unchanging(() => {
    const now = host.value;
    before = (now.gpus ?? []).map((gpu, at) => lookOf(now, gpu, before[at]));
    return before;
  });
}

const sizeOf = (count: number): string => (count <= 8 ? "large" : count <= 16 ? "middle" : "small");

/** Steps of a cell's level, which is never drawn as empty: finer ones could not be seen in a box of 23 pixels. */
const LEVELS = 5;

/** Level of a busy GPU that was drawn with `before`: drawn again after a whole step, since most loads tremble. */
function levelOf(percent: number | null, before: number): number {
  const exact = ((percent ?? 0) / 100) * LEVELS;
  return Math.abs(exact - before) < 1 ? before : Math.max(1, Math.round(exact));
}

/** Look of a cell, as a text that can be compared: status, level of a busy one, and uses of MIG instances. */
function lookOf(host: Host, gpu: FleetGpu, before: string | undefined): string {
  const status = cellStatus(host, gpu);
  if (gpu.mig.length > 0) {
    return `${status}  ${gpu.mig.map(each => verdict(host.state === "ok" ? each.use : "unknown")).join(" ")}`;
  }
  if (status !== "busy") return status;
  const drawn = before?.startsWith(status) ? Number(before.slice(status.length)) : Number.NaN;
  return `${status} ${levelOf(gpu.utilization_percent, drawn)}`;
}

function cell(index: number, look: string) {
  const [status, level, ...mig] = look.split(" ");
  return (
    <i
      key={index}
      class={mig.length > 0 ? "cell mig" : "cell"}
      data-status={status}
      data-index={index}
      data-level={level || undefined}
    >
      {mig.map((use, at) => (
        <b key={at} data-status={use} />
      ))}
    </i>
  );
}

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
    gpu.claim ? claimText(gpu.claim, hubNow()) : "",
    ...gpu.mig.map(each => {
      const free = each.memory_free_bytes === null ? "" : `, ${bytes(each.memory_free_bytes)} free`;
      const users = each.users && each.users.length > 0 ? `, ${each.users.join(", ")}` : "";
      const claim = each.claim ? `, ${claimText(each.claim, hubNow())}` : "";
      return `${each.label}: ${each.use}${free}${users}${claim}`;
    }),
  ];
  return lines.filter(line => line !== "").join("\n");
}
