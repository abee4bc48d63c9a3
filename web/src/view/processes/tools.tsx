import { useMemo, useRef } from "preact/hooks";
import type { Gpu, Process } from "../../api/types";
import { count } from "../../model/format";
import { shortName } from "../../model/gpu";
import { ownerOf } from "../../model/owner";
import type { SortKey, Wish } from "../../model/processes";
import { setQuery } from "../../page/route";
import { grouped } from "../../page/settings";
import { Icon } from "../../part/icon";
import { Popover } from "../../part/popover";
import { WishSelect } from "../../part/wish";
import { COLUMNS, type Column, FIRST } from "./columns";
import { exportCsv, exportJson } from "./export";
import { chosen, columnsOf, order, orderText } from "./state";

interface Props {
  all: readonly Process[];
  rows: readonly Process[];
  wish: Wish;
  gpus: readonly Gpu[];
  /** Whether a GPU can be chosen. */
  anyGpu: boolean;
}

/** Processes change each second, and what can be done with them hardly ever. */
export function Tools({ all, rows, wish, gpus, anyGpu }: Props) {
  const now = useRef(rows);
  now.current = rows;
  return (
    <ToolBar
      told={`${count(rows.length)} of ${count(all.length)}`}
      rows={now}
      wish={useStable(wish)}
      owners={useStable(owners(all, wish.user))}
      gpus={useStable(anyGpu ? gpuNames(gpus) : [])}
      anyGpu={anyGpu}
    />
  );
}

/** The same object for what says the same. */
function useStable<T>(value: T): T {
  return useMemo(() => value, [JSON.stringify(value)]);
}

interface BarProps {
  told: string;
  /** Those that are shown when something is done with them. */
  rows: { readonly current: readonly Process[] };
  wish: Wish;
  owners: [string, string][];
  gpus: [string, string][];
  anyGpu: boolean;
}

function ToolBar({ told, rows, wish, owners, gpus, anyGpu }: BarProps) {
  return (
    <div class="tools">
      <h2>Processes</h2>
      <search>
        <span class="find">
          <Icon name="search" />
          <input
            type="search"
            value={wish.text}
            placeholder="User, command, PID"
            aria-label="Filter by text"
            spellcheck={false}
            onInput={event => setQuery({ q: event.currentTarget.value })}
          />
        </span>
        <WishSelect label="User" value={wish.user} name="user" first="All users" options={owners} />
        {anyGpu && <WishSelect label="GPU" value={wish.gpu} name="gpu" first="All GPUs" options={gpus} />}
        <SortChoice />
        <WishSelect label="Type" value={wish.type} name="type" first="All types" options={TYPES} />
      </search>
      <span class="many">{told}</span>
      <div class="buttons">
        <button
          type="button"
          aria-pressed={grouped.value}
          onClick={() => {
            grouped.value = !grouped.value;
          }}
        >
          By user
        </button>
        <ColumnChoice />
        <Popover name="export" label="Export" quiet={false} button={<>Export</>}>
          <button type="button" onClick={() => exportCsv(rows.current, columnsOf(rows.current))}>
            <Icon name="download" /> What is shown as CSV
          </button>
          <button type="button" onClick={() => exportJson(rows.current)}>
            <Icon name="download" /> What is shown as JSON
          </button>
        </Popover>
      </div>
    </div>
  );
}

/** Where there is no room for columns to be pressed. */
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

const DIRECTIONS = { number: ["least first", "most first"], text: ["ascending", "descending"] } as const;

const TYPES: [string, string][] = [
  ["C", "C: computes"],
  ["G", "G: draws"],
  ["C+G", "C+G: both"],
];

/** Those who have something, and the one that is wished for though it has nothing now. */
function owners(all: readonly Process[], wished: string): [string, string][] {
  const found = new Map(all.map(ownerOf).map(owner => [owner.key, owner.label]));
  if (wished && !found.has(wished)) found.set(wished, wished);
  return [...found].sort(([, a], [, b]) => (a < b ? -1 : 1));
}

const gpuNames = (gpus: readonly Gpu[]): [string, string][] =>
  gpus.map(gpu => [String(gpu.index), `GPU ${gpu.index} ${shortName(gpu.name) ?? ""}`]);

function ColumnChoice() {
  const set = (column: Column, shown: boolean) => {
    const next: SortKey[] = COLUMNS.map(each => each.key).filter(key =>
      key === column.key ? shown : chosen.value.includes(key),
    );
    if (next.length > 0) chosen.value = next;
  };
  return (
    <Popover name="columns" class="wide" label="Columns" quiet={false} button={<>Columns</>}>
      <fieldset class="columns">
        <legend class="unseen">Columns that are shown</legend>
        {COLUMNS.map(column => (
          <label key={column.key} class="check">
            <input
              type="checkbox"
              checked={chosen.value.includes(column.key)}
              onChange={event => set(column, event.currentTarget.checked)}
            />
            {column.name}
          </label>
        ))}
      </fieldset>
      <button
        type="button"
        onClick={() => {
          chosen.value = FIRST;
        }}
      >
        As at first
      </button>
    </Popover>
  );
}
