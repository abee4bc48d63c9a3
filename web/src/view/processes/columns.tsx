import type { ComponentChildren } from "preact";
import type { Gpu, Process } from "../../api/types";
import { Swatch } from "../../components/bar";
import { Value } from "../../components/value";
import { read } from "../../model/absence";
import type { Cell } from "../../model/csv";
import { bytes, duration, exact, percent } from "../../model/format";
import { placeName } from "../../model/mig";
import { isKnownOwner, ownerOf } from "../../model/owner";
import { type SortKey, whereOf } from "../../model/processes";
import { GpuMemory } from "./memory";

/** Context of a cell. */
export interface Beside {
  gpu: Gpu | undefined;
  now: number;
}

export interface Column {
  key: SortKey;
  name: string;
  /** Tooltip, where the name is not enough. */
  tooltip?: string;
  number?: boolean;
  /** As in `grid-template-columns`. */
  width?: string;
  /** Set if its values change each second: rows are then not sorted each second. */
  moves?: boolean;
  /** True if a process has it; a column without any value is hidden. */
  has?: (process: Process) => boolean;
  show: (process: Process, beside: Beside) => ComponentChildren;
  /** Columns of the export, by the API's names. */
  raw: (process: Process) => Record<string, Cell>;
}

const quiet = { quiet: true } as const;

const share = (
  key: SortKey,
  name: string,
  tooltip: string,
  field: "sm_percent" | "memory_percent" | "encoder_percent" | "decoder_percent" | "cpu_percent",
): Column => ({
  key,
  name,
  tooltip,
  width: key === "sm" || key === "cpu" ? "7.2rem" : "9.2rem",
  number: true,
  moves: true,
  show: process => <Value {...quiet} of={read(process.absent, field, process[field])} show={percent} />,
  raw: process => ({ [field]: process[field] }),
});

export const COLUMNS: readonly Column[] = [
  {
    key: "gpu",
    width: "5.6rem",
    name: "GPU",
    show: (process, { gpu }) => placeName(gpu, process),
    raw: process => ({
      gpu: process.gpu,
      gpu_uuid: process.gpu_uuid,
      gpu_instance: process.gpu_instance,
      compute_instance: process.compute_instance,
    }),
  },
  {
    key: "user",
    width: "minmax(11rem, 13.6rem)",
    name: "User",
    show: process => {
      const owner = ownerOf(process);
      return (
        <span class="owner">
          <Swatch of={owner.key} />
          <Value
            {...quiet}
            of={read(process.absent, "user", isKnownOwner(owner) ? owner.label : null)}
            show={label => label}
          />
        </span>
      );
    },
    raw: process => ({ user: process.user, uid: process.uid }),
  },
  {
    key: "pid",
    name: "PID",
    number: true,
    show: process => <Value {...quiet} of={read(process.absent, "pid", process.pid)} show={String} />,
    raw: process => ({ pid: process.pid }),
  },
  {
    key: "type",
    width: "6.2rem",
    name: "Type",
    tooltip: "C: compute, G: graphics, C+G: both",
    show: process => process.type,
    raw: process => ({ type: process.type }),
  },
  {
    key: "gpu_memory",
    width: "18.2rem",
    name: "GPU memory",
    number: true,
    moves: true,
    show: (process, { gpu }) => <GpuMemory process={process} gpu={gpu} />,
    raw: process => ({ gpu_memory_bytes: process.gpu_memory_bytes }),
  },
  share("sm", "SM", "Share of the GPU's SMs", "sm_percent"),
  share("memory", "Bandwidth", "Share of the time in which it accessed memory", "memory_percent"),
  share("encoder", "Encoder", "Share of the video encoder", "encoder_percent"),
  share("decoder", "Decoder", "Share of the video decoder", "decoder_percent"),
  share("cpu", "CPU", "Percent of one core; more than 100 % with several", "cpu_percent"),
  {
    key: "host_memory",
    width: "11.2rem",
    name: "Host memory",
    number: true,
    moves: true,
    show: process => (
      <Value
        {...quiet}
        of={read(process.absent, "host_memory_bytes", process.host_memory_bytes)}
        show={bytes}
      />
    ),
    raw: process => ({ host_memory_bytes: process.host_memory_bytes }),
  },
  {
    key: "running",
    width: "11.2rem",
    name: "Running",
    number: true,
    show: (process, { now }) => (
      <Value
        {...quiet}
        of={read(process.absent, "started_at", process.started_at)}
        show={at => <span data-tooltip={`Since ${exact(at)}`}>{duration(now - at)}</span>}
      />
    ),
    raw: process => ({ started_at: process.started_at }),
  },
  {
    key: "where",
    width: "13.6rem",
    name: "Where",
    tooltip: "Slurm job, Kubernetes pod or container",
    has: process => whereOf(process) !== null,
    show: process => {
      const where = whereOf(process);
      return where && <span data-tooltip={`${where.kind} ${where.id}`}>{where.label}</span>;
    },
    raw: ({ container, container_name, pod, pod_name, pod_namespace, job }) => ({
      container,
      container_name,
      pod,
      pod_name,
      pod_namespace,
      job,
    }),
  },
  {
    key: "name",
    width: "14.4rem",
    name: "Name",
    show: process => <Value {...quiet} of={read(process.absent, "name", process.name)} show={name => name} />,
    raw: process => ({ name: process.name }),
  },
  {
    key: "command",
    width: "minmax(22rem, 1fr)",
    name: "Command",
    show: process => (
      <Value
        {...quiet}
        of={read(process.absent, "command", process.command)}
        show={command => command || (process.name ? `[${process.name}]` : "[no command line]")}
      />
    ),
    raw: process => ({ command: process.command }),
  },
];

/** Columns by default. */
export const FIRST: readonly SortKey[] = [
  "gpu",
  "user",
  "pid",
  "type",
  "gpu_memory",
  "sm",
  "cpu",
  "running",
  "where",
  "command",
];
