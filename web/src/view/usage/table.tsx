import { useMemo, useState } from "preact/hooks";
import type { Usage } from "../../api/types";
import { format, route, setQuery } from "../../browser/route";
import { Swatch } from "../../components/bar";
import { GpuLink } from "../../components/gpu-link";
import { Icon } from "../../components/icon";
import { shown } from "../../live/store";
import { count, DASH, noun, percent, plural } from "../../model/format";
import { colourKeys } from "../../model/holders";
import {
  GROUPS,
  hours,
  kilowattHours,
  linesOf,
  money,
  ofTenths,
  orderOf,
  type SortKey,
  sorted,
  sumsOf,
  type UsageLine,
  type UsageQuery,
} from "../../model/usage";
import { presentOwners } from "./owners";

/** Rows to draw at first. */
const FIRST_ROWS = 200;

/** GPU-seconds of all rows below which numbers are fine. */
const FINE_SECONDS = 100 * 3600;

interface Column {
  key: SortKey;
  name: string;
  /** Text after the number on a phone, where columns have no heads. */
  after: string | ((line: Omit<UsageLine, "key" | "name">) => string);
  about: string;
  /** `fine` numbers have two digits, the same for all rows. */
  show: (line: Omit<UsageLine, "key" | "name">, fine: boolean) => string | null;
}

/** Columns of numbers. */
const COLUMNS: readonly Column[] = [
  {
    key: "gpuSeconds",
    name: "GPU-hours",
    after: "GPU-hours",
    about: "Time on GPUs. Holders of one GPU at one time share it equally.",
    show: (line, fine) => hours(line.gpuSeconds, fine),
  },
  {
    key: "share",
    name: "Share",
    after: "of all",
    about: "Of the device time of the period.",
    show: line => (line.share === 0 ? percent(0) : ofTenths(Math.round(line.share * 1000))),
  },
  {
    key: "busy",
    name: "Busy",
    after: "busy",
    about: "Part of the time present in which the GPU worked for it.",
    show: line => (line.busy === null ? null : percent(line.busy * 100)),
  },
  {
    key: "idleSeconds",
    name: "Idle hours",
    after: "h idle",
    about: "GPU-hours in which the GPU was held without work.",
    show: (line, fine) => (line.idleSeconds === null ? null : hours(line.idleSeconds, fine)),
  },
  {
    key: "allocatedSeconds",
    name: "Allocated hours",
    after: "h allocated",
    about: "Time for which the scheduler had allocated GPUs.",
    show: (line, fine) => (line.allocatedSeconds === null ? null : hours(line.allocatedSeconds, fine)),
  },
  {
    key: "joules",
    name: "Energy, kWh",
    after: "kWh",
    about: "Energy of the board, divided like GPU-hours.",
    show: (line, fine) => kilowattHours(line.joules, fine),
  },
  {
    key: "sessions",
    name: "Sessions",
    after: line => noun(line.sessions, "session"),
    about: "Times on a GPU, from the first sample to the last.",
    show: line => count(line.sessions),
  },
];

/** Sums by group, with the sum of all. */
export function UsageTable({ report, query }: { report: Usage; query: UsageQuery }) {
  const [limit, setLimit] = useState(FIRST_ROWS);
  const order = orderOf(route.value.query["sort"]);
  const by = groupOf(report, query);
  const present = shown.value.map(({ gpu }) => `${gpu.uuid} ${gpu.index}`).join();
  const lines = useMemo(() => {
    const indices = new Map(shown.peek().map(({ gpu }) => [gpu.uuid, gpu.index]));
    return linesOf(report, by, indices);
  }, [report, present]);
  const rows = useMemo(() => sorted(lines, order), [lines, order.by, order.down]);
  const columns = useMemo(() => columnsOf(report, lines), [report, lines]);
  if (lines.length === 0) return <p class="nothing">Nobody used a GPU in this period.</p>;
  const sum = sumsOf(report.rows, report.device_seconds, report.price_gpu_hour?.amount ?? null);
  const fine = sum.gpuSeconds < FINE_SECONDS;
  const keyOf = by === "user" ? colourKeys(presentOwners()).of : null;
  return (
    <div class="scroll">
      <table class="usage">
        <caption class="unseen">Usage by {nameOf(by)}</caption>
        <Head by={by} columns={columns} order={order} />
        <tbody>
          {rows.slice(0, limit).map(line => (
            <tr key={line.key}>
              <th scope="row">
                <Name line={line} by={by} colour={keyOf} />
              </th>
              <Cells line={line} columns={columns} fine={fine} />
            </tr>
          ))}
        </tbody>
        {lines.length > 1 && (
          <tfoot>
            <tr>
              <th scope="row">All {count(lines.length)}</th>
              <Cells line={sum} columns={columns} fine={fine} />
            </tr>
          </tfoot>
        )}
      </table>
      {rows.length > limit && (
        <button type="button" class="all" onClick={() => setLimit(Number.POSITIVE_INFINITY)}>
          Show all {plural(rows.length, "row")}
        </button>
      )}
    </div>
  );
}

/** Grouping of a report, which may be the one before while another is loaded. */
const groupOf = ({ by: [by] }: Usage, query: UsageQuery): UsageQuery["by"] =>
  GROUPS.find(([name]) => name === by)?.[0] ?? query.by;

const nameOf = (by: UsageQuery["by"]): string => GROUPS.find(([name]) => name === by)?.[1] ?? by;

function columnsOf({ price_gpu_hour: price }: Usage, lines: readonly UsageLine[]): Column[] {
  const shown = COLUMNS.filter(
    ({ key }) => key !== "allocatedSeconds" || lines.some(line => line.allocatedSeconds !== null),
  );
  if (price === null) return shown;
  const cost: Column = {
    key: "cost",
    name: "Cost",
    after: "",
    about: `${money(price.amount, price.currency)} per GPU-hour.`,
    show: line => (line.cost === null ? null : money(line.cost, price.currency)),
  };
  return [...shown, cost];
}

function Head({
  by,
  columns,
  order,
}: {
  by: UsageQuery["by"];
  columns: readonly Column[];
  order: ReturnType<typeof orderOf>;
}) {
  const head = (key: SortKey, name: string, about?: string) => {
    const isBy = order.by === key;
    return (
      <th
        key={key}
        scope="col"
        class={key === "name" ? undefined : "number"}
        aria-sort={isBy ? (order.down ? "descending" : "ascending") : undefined}
      >
        <button
          type="button"
          data-tooltip={about}
          onClick={() => {
            const down = isBy ? !order.down : key !== "name";
            setQuery({ sort: down && key === "gpuSeconds" ? "" : `${down ? "-" : ""}${key}` });
          }}
        >
          {name}
          {isBy && <Icon name={order.down ? "down" : "up"} />}
        </button>
      </th>
    );
  };
  return (
    <thead>
      <tr>
        {head("name", nameOf(by))}
        {columns.map(({ key, name, about }) => head(key, name, about))}
      </tr>
    </thead>
  );
}

interface CellsProps {
  line: Omit<UsageLine, "key" | "name">;
  columns: readonly Column[];
  fine: boolean;
}

function Cells({ line, columns, fine }: CellsProps) {
  return (
    <>
      {columns.map(({ key, after, show }) => (
        <td
          key={key}
          class="number"
          data-column={key}
          data-label={typeof after === "string" ? after : after(line)}
        >
          {show(line, fine) ?? (
            <>
              <span aria-hidden="true">{DASH}</span>
              <span class="unseen">not known</span>
            </>
          )}
        </td>
      ))}
    </>
  );
}

interface NameProps {
  line: UsageLine;
  by: UsageQuery["by"];
  /** Key of a user's colour; null for other groups. */
  colour: ((user: string) => string) | null;
}

/** Name of a group; a user leads to what that user had, a GPU to its view. */
function Name({ line: { name }, by, colour }: NameProps) {
  if (name === null) return <span class="unnamed">{by === "user" ? "no name" : `no ${by}`}</span>;
  const gpu = by === "gpu" ? /^GPU (\d+)$/.exec(name) : null;
  if (gpu) {
    return (
      <>
        GPU <GpuLink index={Number(gpu[1])} />
      </>
    );
  }
  if (!colour) return <>{name}</>;
  const next = { ...route.value.query, user: name, by: "gpu", sort: "" };
  return (
    <a class="owner" href={format({ view: "usage", query: next })}>
      <Swatch of={colour(name)} />
      {name}
    </a>
  );
}
