import { computed, type ReadonlySignal } from "@preact/signals";
import { Component } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { Icon } from "../../components/icon";
import { count, plural } from "../../model/format";
import { requested } from "../live/start";
import { allNames, hostNamed, hosts, labels } from "../live/store";
import { unchanging } from "../live/unchanging";
import { gpuCount } from "../model/host";
import { orderText } from "../model/order";
import { namesToRequest } from "../model/window";
import { route, setQuery } from "../route";
import type { Host, UseCounts } from "../types";
import { CountBar, countText, describeCell } from "./cells";
import { COLUMNS, type Column, FIRST, labelColumn } from "./columns";
import { selectable } from "./keys";
import { grouping, held, type Item, items, order, toggleGroup } from "./state";
import { rem, useNarrow, useWindow, type Windowed } from "./window";

/** Heights of rows in rem; `fleet.css` has the same. */
const ROW = 5.6;
const ROW_NARROW = 10.4;
const GROUP = 4;

/** Columns that can be shown, with those of labels. */
export const allColumns = (): Column[] => [...COLUMNS, ...labels.value.map(labelColumn)];

/** Visible columns: those in the URL, in the table's order. */
export function visibleColumns(): Column[] {
  const named = (route.value.query["columns"] ?? "").split(",").filter(key => key !== "");
  const wanted = named.length > 0 ? ["host", ...named] : FIRST;
  return allColumns().filter(({ key }) => wanted.includes(key));
}

/** Hosts as rows; those off screen are not rendered. */
export function Table() {
  const isNarrow = useNarrow();
  const all = items.value;
  const columns = useStable(visibleColumns(), ({ key }) => key);
  const kinds = all.map(({ kind }) => (kind === "host" ? "h" : "g")).join("");
  const heights = useMemo(() => {
    const [unit, row] = [rem(), isNarrow ? ROW_NARROW : ROW];
    return [...kinds].map(kind => unit * (kind === "h" ? row : GROUP));
  }, [kinds, isNarrow]);
  const body = useRef<HTMLTableSectionElement>(null);
  const windowed = useWindow(body, heights);
  useRequested(all, windowed);
  useEffect(() => selectable(all, windowed.show), [all]);
  const width = columns.map(column => column.width).join(" ");
  return (
    <div
      class="fleet-scroll"
      onPointerEnter={() => {
        held.value = true;
      }}
      onPointerLeave={() => {
        held.value = false;
      }}
      onPointerOver={describeCell}
    >
      <table
        class="fleet"
        role="table"
        aria-label="Hosts"
        aria-rowcount={all.length + 1}
        style={{ "--columns": width }}
      >
        <thead role="rowgroup">
          <tr role="row" aria-rowindex={1}>
            {columns.map(column => (
              <Heading key={column.key} column={column} />
            ))}
          </tr>
        </thead>
        <tbody
          ref={body}
          role="rowgroup"
          style={{ "--height": `${windowed.height}px`, "--top": `${windowed.top}px` }}
        >
          {all
            .slice(windowed.from, windowed.to)
            .map((item, at) =>
              item.kind === "host" ? (
                <Row key={item.key} name={item.name} columns={columns} index={windowed.from + at} />
              ) : (
                <GroupRow key={item.key} group={item} index={windowed.from + at} />
              ),
            )}
        </tbody>
      </table>
    </div>
  );
}

/** The same list as long as its keys are. */
function useStable<T>(list: readonly T[], key: (value: T) => string): readonly T[] {
  const text = list.map(key).join("\n");
  return useMemo(() => list, [text]);
}

/** Delay before other hosts are requested while the user scrolls, in milliseconds. */
const SETTLED_MS = 200;

/** Requests the GPUs of hosts on screen. */
export function useRequested(all: readonly Item[], { from, to, onScreen }: Windowed): void {
  const names = (from: number, to: number) =>
    all.slice(from, to).flatMap(item => (item.kind === "host" ? [item.name] : []));
  const before = requested.peek();
  const next = namesToRequest(before, names(onScreen.from, onScreen.to), names(from, to), allNames.value);
  const text = next?.join();
  useEffect(() => {
    if (text === before?.join()) return;
    // At first at once: there is nothing to see yet.
    const wait = before === null ? 0 : SETTLED_MS;
    const timer = setTimeout(() => {
      requested.value = next;
    }, wait);
    return () => clearTimeout(timer);
  }, [text]);
}

function Heading({ column }: { column: Column }) {
  const { sort } = column;
  const { key, down } = order.value;
  const isSorted = sort !== undefined && key === sort;
  return (
    <th
      role="columnheader"
      scope="col"
      data-column={column.key}
      aria-sort={isSorted ? (down ? "descending" : "ascending") : undefined}
    >
      {sort === undefined ? (
        column.name
      ) : (
        <button
          type="button"
          onClick={() =>
            setQuery({ sort: orderText({ key: sort, down: isSorted ? !down : column.number === true }) })
          }
        >
          {column.name}
          {isSorted && <Icon name={down ? "down" : "up"} />}
        </button>
      )}
    </th>
  );
}

/** A row, which is rendered once: its cells follow its host. */
class Row extends Component<RowProps> {
  private readonly host = hostNamed(this.props.name);
  private readonly status = computed(() => this.host?.value.state);

  override shouldComponentUpdate({ columns, index }: RowProps): boolean {
    return columns !== this.props.columns || index !== this.props.index;
  }

  override render({ name, columns, index }: RowProps) {
    const { host } = this;
    return (
      <tr
        role="row"
        aria-rowindex={index + 2}
        data-key={`host ${name}`}
        data-host={name}
        data-state={this.status}
      >
        {host && columns.map(column => <Cell key={column.key} column={column} host={host} />)}
      </tr>
    );
  }
}

type RowProps = { name: string; columns: readonly Column[]; index: number };

/** A cell, which is rendered again only if what it shows changes. */
function Cell({ column, host }: { column: Column; host: ReadonlySignal<Host> }) {
  const shown = useMemo(() => unchanging(() => column.shows(host.value)), [column, host]);
  void shown.value;
  return (
    // The name of a host is the header of its row.
    <td role={column.key === "host" ? "rowheader" : "cell"} data-column={column.key}>
      {column.cell(host.peek(), host)}
    </td>
  );
}

function GroupRow({ group, index }: { group: Extract<Item, { kind: "group" }>; index: number }) {
  const { key, value, names, isOpen } = group;
  const sums = useMemo(() => unchanging(() => USES.map(use => sumOf(names, use))), [names]);
  const [free = 0, held = 0, busy = 0, unknown = 0] = sums.value;
  const counts = { free, held, busy, unknown };
  const label = grouping.value;
  return (
    <tr role="row" class="group" aria-rowindex={index + 2} data-key={key}>
      <th role="rowheader" scope="rowgroup">
        <button
          type="button"
          class="quiet"
          aria-expanded={isOpen}
          data-item
          onClick={() => toggleGroup(value)}
        >
          <Icon name={isOpen ? "down" : "right"} />
          {value === null ? <>without {label}</> : <b>{value}</b>}
        </button>
        <span class="fine">{plural(names.length, "host")}</span>
        <span class="free" data-status={counts.free > 0 ? "free" : "none"}>
          <b>{count(counts.free)}</b> of {count(gpuCount(counts))} free
        </span>
        <CountBar counts={counts} label={countText(counts)} />
      </th>
    </tr>
  );
}

const USES = ["free", "held", "busy", "unknown"] as const;

const sumOf = (names: readonly string[], use: keyof UseCounts): number =>
  names.reduce((sum, name) => sum + (hosts.value.get(name)?.counts.gpus[use] ?? 0), 0);
