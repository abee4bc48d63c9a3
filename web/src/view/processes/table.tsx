import type { RefObject } from "preact";
import { useCallback, useMemo, useState } from "preact/hooks";
import type { Gpu, Process } from "../../api/types";
import { Swatch } from "../../components/bar";
import { Icon } from "../../components/icon";
import { memo } from "../../components/memo";
import { agentNow, colours } from "../../live/store";
import { bytes, percent, plural } from "../../model/format";
import { placeName } from "../../model/mig";
import { type Group, group, type Order, rowKey, type SortKey } from "../../model/processes";
import type { Column } from "./columns";
import { Row } from "./row";
import { columnsOf, isGrouped, orderBy } from "./state";

/** Rows to draw at first. */
const FIRST_ROWS = 250;

interface Props {
  rows: readonly Process[];
  gpus: readonly Gpu[];
  /** True if all are of one GPU. */
  one: boolean;
  /** GPUs whose values are old. */
  old: readonly number[];
  order: Order;
  place: RefObject<HTMLDivElement | null>;
}

export function Table({ rows, gpus, one, old, order, place }: Props) {
  const [limit, setLimit] = useState(FIRST_ROWS);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const toggle = useCallback((id: string) => setOpen(now => toggled(now, id)), []);
  const found = columnsOf(rows, one);
  // The same array for the same columns, so that rows are not rendered for nothing.
  const columns = useMemo(() => found, [found.map(column => column.key).join()]);
  const byIndex = new Map(gpus.map(gpu => [gpu.index, gpu]));
  const now = agentNow();
  const shown = rows.slice(0, limit);
  const draw = (process: Process) => {
    const id = rowKey(process);
    return (
      <Row
        key={id}
        id={id}
        process={process}
        gpu={byIndex.get(process.gpu)}
        old={old.includes(process.gpu)}
        columns={columns}
        now={now}
        open={open.has(id)}
        toggle={toggle}
      />
    );
  };
  return (
    <div class="scroll" ref={place}>
      <table
        role="table"
        class="processes"
        style={{ "--columns": widths(columns, longestPlace(shown, byIndex)) }}
      >
        <Head columns={columns} by={order.key} down={order.down} />
        {isGrouped() ? (
          group(shown).map(each => (
            <tbody role="rowgroup" key={each.key}>
              <GroupRow group={each} span={columns.length + 1} />
              {each.processes.map(draw)}
            </tbody>
          ))
        ) : (
          <tbody role="rowgroup">{shown.map(draw)}</tbody>
        )}
      </table>
      {rows.length > limit && (
        <button type="button" class="all" onClick={() => setLimit(Number.POSITIVE_INFINITY)}>
          Show all {plural(rows.length, "process", "processes")}
        </button>
      )}
    </div>
  );
}

/** Widths, the same in each row, since each row is a grid of its own. */
const widths = (columns: readonly Column[], place: number): string =>
  columns
    .map(column => (column.key === "gpu" && place > 0 ? `${place * 0.7 + 3}rem` : (column.width ?? "8.4rem")))
    .join(" ");

/** Characters of the longest name of a MIG instance; 0 without one. */
const longestPlace = (rows: readonly Process[], gpus: ReadonlyMap<number, Gpu>): number =>
  Math.max(
    0,
    ...rows
      .filter(process => process.gpu_instance !== null)
      .map(process => placeName(gpus.get(process.gpu), process).length),
  );

function toggled(set: ReadonlySet<string>, id: string): ReadonlySet<string> {
  const next = new Set(set);
  if (!next.delete(id)) next.add(id);
  return next;
}

interface HeadProps {
  columns: readonly Column[];
  /** Column and direction of the order. */
  by: SortKey;
  down: boolean;
}

const Head = memo(({ columns, by: key, down }: HeadProps) => {
  return (
    <thead role="rowgroup">
      <tr role="row">
        {columns.map(column => {
          const by = column.key === key;
          return (
            <th
              key={column.key}
              role="columnheader"
              scope="col"
              data-column={column.key}
              class={column.number ? "number" : undefined}
              aria-sort={by ? (down ? "descending" : "ascending") : undefined}
            >
              <button type="button" data-tooltip={column.tooltip} onClick={() => orderBy(column)}>
                {column.name}
                {by && <Icon name={down ? "down" : "up"} />}
              </button>
            </th>
          );
        })}
        <th role="columnheader" scope="col" class="more">
          <span class="unseen">Details</span>
        </th>
      </tr>
    </thead>
  );
});

function GroupRow({ group, span }: { group: Group; span: number }) {
  const { key, label, processes, gpus, gpuMemory, sm } = group;
  return (
    <tr role="row" class="group" data-colour={colours.of(key)}>
      <th role="rowheader" scope="rowgroup" colSpan={span}>
        <div>
          <span class="owner">
            <Swatch of={key} />
            <b>{label}</b>
          </span>
          <span>{plural(processes.length, "process", "processes")}</span>
          <span>
            {gpus.length === 1 ? "GPU" : "GPUs"} {gpus.join(", ")}
          </span>
          {gpuMemory !== null && <span>{bytes(gpuMemory)}</span>}
          {sm !== null && <span>SM {percent(sm)}</span>}
        </div>
      </th>
    </tr>
  );
}
