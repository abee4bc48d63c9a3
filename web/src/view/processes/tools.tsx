import { useMemo, useRef } from "preact/hooks";
import type { Gpu, Process } from "../../api/types";
import { setQuery } from "../../browser/route";
import { Icon } from "../../components/icon";
import { Popover } from "../../components/popover";
import { QuerySelect } from "../../components/query-select";
import { count } from "../../model/format";
import { shortName } from "../../model/gpu";
import { labelAmong, ownerOf } from "../../model/owner";
import type { Filter, SortKey } from "../../model/processes";
import { COLUMNS, type Column, FIRST } from "./columns";
import { exportCsv, exportJson } from "./export";
import { columnsOf, isGrouped, order, orderText, setColumns, setGrouped, visibleColumns } from "./state";

interface Props {
  all: readonly Process[];
  rows: readonly Process[];
  filter: Filter;
  gpus: readonly Gpu[];
  /** True if a GPU can be selected. */
  anyGpu: boolean;
}

/** Toolbar of the table. Processes change each second, their filters hardly ever. */
export function Tools({ all, rows, filter, gpus, anyGpu }: Props) {
  const now = useRef(rows);
  now.current = rows;
  return (
    <ToolBar
      counts={`${count(rows.length)} of ${count(all.length)}`}
      rows={now}
      filter={useStable(filter)}
      owners={useStable(owners(all, filter.user))}
      gpus={useStable(anyGpu ? gpuNames(gpus) : [])}
      anyGpu={anyGpu}
    />
  );
}

/** The same object for an equal value. */
function useStable<T>(value: T): T {
  return useMemo(() => value, [JSON.stringify(value)]);
}

interface BarProps {
  counts: string;
  /** Rows at the time of an export. */
  rows: { readonly current: readonly Process[] };
  filter: Filter;
  owners: [string, string][];
  gpus: [string, string][];
  anyGpu: boolean;
}

function ToolBar({ counts, rows, filter, owners, gpus, anyGpu }: BarProps) {
  return (
    <div class="tools">
      <h2>Processes</h2>
      <search>
        <span class="find">
          <Icon name="search" />
          <input
            type="search"
            value={filter.text}
            placeholder="User, command, PID"
            aria-label="Filter by text"
            spellcheck={false}
            onInput={event => setQuery({ q: event.currentTarget.value })}
          />
        </span>
        <QuerySelect label="User" value={filter.user} name="user" first="All users" options={owners} />
        {anyGpu && <QuerySelect label="GPU" value={filter.gpu} name="gpu" first="All GPUs" options={gpus} />}
        <SortChoice />
        <QuerySelect label="Type" value={filter.type} name="type" first="All types" options={TYPES} />
      </search>
      <span class="many">{counts}</span>
      <div class="buttons">
        <button type="button" aria-pressed={isGrouped()} onClick={() => setGrouped(!isGrouped())}>
          Group by user
        </button>
        <ColumnChoice />
        <Popover name="export" label="Export" quiet={false} button={<>Export</>}>
          <button type="button" onClick={() => exportCsv(rows.current, columnsOf(rows.current))}>
            <Icon name="download" /> Download CSV
          </button>
          <button type="button" onClick={() => exportJson(rows.current)}>
            <Icon name="download" /> Download JSON
          </button>
        </Popover>
      </div>
    </div>
  );
}

/** Sorting where the headings are hidden. */
function SortChoice() {
  const first = (column: Column) => column.number === true && column.key !== "pid";
  return (
    <select
      class="narrow"
      aria-label="Sort by"
      value={orderText(order())}
      onChange={event => setQuery({ sort: event.currentTarget.value })}
    >
      {COLUMNS.flatMap(column =>
        [first(column), !first(column)].map(down => {
          const text = orderText({ key: column.key, down });
          return (
            <option key={text} value={text}>
              By {column.name}, {DIRECTIONS[column.number ? "number" : "text"][down ? 1 : 0]}
            </option>
          );
        }),
      )}
    </select>
  );
}

const DIRECTIONS = { number: ["lowest first", "highest first"], text: ["ascending", "descending"] } as const;

const TYPES: [string, string][] = [
  ["C", "C: compute"],
  ["G", "G: graphics"],
  ["C+G", "C+G: both"],
];

/** Owners of processes, and the selected one even if it has none now. */
function owners(all: readonly Process[], selected: string): [string, string][] {
  const each = [...new Map(all.map(ownerOf).map(owner => [owner.key, owner])).values()];
  const found = new Map(each.map(owner => [owner.key, labelAmong(owner, each)]));
  if (selected && !found.has(selected)) found.set(selected, selected);
  return [...found].sort(([, a], [, b]) => (a < b ? -1 : 1));
}

const gpuNames = (gpus: readonly Gpu[]): [string, string][] =>
  gpus.map(gpu => [String(gpu.index), `GPU ${gpu.index} ${shortName(gpu.name) ?? ""}`]);

function ColumnChoice() {
  const visible = visibleColumns();
  const set = (column: Column, shown: boolean) => {
    const next: SortKey[] = COLUMNS.map(each => each.key).filter(key =>
      key === column.key ? shown : visible.includes(key),
    );
    if (next.length > 0) setColumns(next);
  };
  return (
    <Popover name="columns" class="wide" label="Columns" quiet={false} button={<>Columns</>}>
      <fieldset class="columns">
        <legend class="unseen">Visible columns</legend>
        {COLUMNS.map(column => (
          <label key={column.key} class="check">
            <input
              type="checkbox"
              checked={visible.includes(column.key)}
              onChange={event => set(column, event.currentTarget.checked)}
            />
            {column.name}
          </label>
        ))}
      </fieldset>
      <button type="button" onClick={() => setColumns(FIRST)}>
        Reset
      </button>
    </Popover>
  );
}
