import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";
import { Icon } from "../../components/icon";
import { count, DASH, noun, percent, plural } from "../../model/format";
import {
  hours,
  kilowattHours,
  money,
  ofTenths,
  type SortKey,
  type Sums,
  sorted,
  type UsageLine,
  type UsageOrder,
} from "../../model/usage";

/** Rows to draw at first. */
const FIRST_ROWS = 200;

/** GPU-seconds of all rows below which numbers are fine. */
const FINE_SECONDS = 100 * 3600;

interface Column {
  key: SortKey;
  name: string;
  /** Text after the number on a phone, where columns have no heads. */
  after: string | ((line: Sums) => string);
  about: string;
  /** `fine` numbers have two digits, the same for all rows. */
  show: (line: Sums, fine: boolean) => string | null;
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
    show: ({ share }) =>
      share === null ? null : share === 0 ? percent(0) : ofTenths(Math.round(share * 1000)),
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
    show: (line, fine) => (line.joules === null ? null : kilowattHours(line.joules, fine)),
  },
  {
    key: "sessions",
    name: "Sessions",
    after: line => noun(line.sessions ?? 0, "session"),
    about: "Times on a GPU, from the first sample to the last.",
    show: line => (line.sessions === null ? null : count(line.sessions)),
  },
];

/** Price of a GPU-hour. */
export interface GpuPrice {
  amount: number;
  currency: string;
}

interface Props {
  /** Name of what a row is of. */
  of: string;
  lines: readonly UsageLine[];
  sum: Sums;
  price: GpuPrice | null;
  order: UsageOrder;
  /** Changes the order, as it is in the URL. */
  sortBy: (order: string) => void;
  /** Name of a row. */
  name: (line: UsageLine) => ComponentChildren;
}

/** Sums by group, with the sum of all. */
export function SumsTable({ of, lines, sum, price, order, sortBy, name }: Props) {
  const [limit, setLimit] = useState(FIRST_ROWS);
  const rows = useMemo(() => sorted(lines, order), [lines, order.by, order.down]);
  const columns = useMemo(() => columnsOf(price, lines), [price, lines]);
  const fine = sum.gpuSeconds < FINE_SECONDS;
  return (
    <div class="scroll">
      <table class="usage">
        <caption class="unseen">Usage by {of}</caption>
        <Head of={of} columns={columns} order={order} sortBy={sortBy} />
        <tbody>
          {rows.slice(0, limit).map(line => (
            <tr key={line.key}>
              <th scope="row">{name(line)}</th>
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

function columnsOf(price: GpuPrice | null, lines: readonly UsageLine[]): Column[] {
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

interface HeadProps {
  of: string;
  columns: readonly Column[];
  order: UsageOrder;
  sortBy: (order: string) => void;
}

function Head({ of, columns, order, sortBy }: HeadProps) {
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
            sortBy(down && key === "gpuSeconds" ? "" : `${down ? "-" : ""}${key}`);
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
        {head("name", of)}
        {columns.map(({ key, name, about }) => head(key, name, about))}
      </tr>
    </thead>
  );
}

interface CellsProps {
  line: Sums;
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
