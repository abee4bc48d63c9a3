import { useComputed } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { Icon } from "../../components/icon";
import { Popover } from "../../components/popover";
import { count } from "../../model/format";
import { allNames, hosts, labels } from "../live/store";
import { unchanging } from "../live/unchanging";
import { sumsOf } from "../model/host";
import { orderText, parseOrder, type SortKey } from "../model/order";
import { termValue, withTerm } from "../model/query";
import { setQuery } from "../route";
import { FIRST } from "./columns";
import { AgeOffScreen } from "./off-screen";
import { grouping, keepLook, look, order, search, searchText, shown } from "./state";
import { allColumns, visibleColumns } from "./table";

/** Search, filters, grouping and look of the list of hosts. */
export function Tools() {
  return (
    <>
      <div class="tools">
        <h2>Hosts</h2>
        <search>
          <span class="find">
            <Icon name="search" />
            <input
              type="search"
              value={searchText.value}
              placeholder="free>=2 mem>=40G model:h100"
              aria-label="Search hosts"
              aria-invalid={search.value.mistakes.length > 0}
              aria-describedby={search.value.mistakes.length > 0 ? "mistakes" : undefined}
              spellcheck={false}
              autocomplete="off"
              onInput={event => setQuery({ q: event.currentTarget.value })}
            />
          </span>
          <SearchHelp />
          <Filters />
          <SortChoice />
        </search>
        <div class="found">
          <span class="many" role="status">
            {count(shown.value.length)} of {count(allNames.value.length)}
            <FreeOfShown />
          </span>
          <AgeOffScreen />
        </div>
        <div class="buttons">
          <GroupChoice />
          <LookChoice />
          <ColumnChoice />
        </div>
      </div>
      {search.value.mistakes.length > 0 && (
        <ul id="mistakes" class="mistakes" role="alert">
          {search.value.mistakes.map(text => (
            <li key={text}>{text}</li>
          ))}
        </ul>
      )}
    </>
  );
}

/** Number of free GPUs among hosts that match a search. */
function FreeOfShown() {
  const free = useComputed(() =>
    shown.value.reduce((sum, name) => sum + (hosts.value.get(name)?.counts.gpus.free ?? 0), 0),
  );
  return search.value.isEmpty ? null : <>, {count(free.value)} free</>;
}

const STATES = ["ok", "trouble", "stale", "unreachable", "refused", "starting"];

/** Filters as choices: each is a term of the search. */
function Filters() {
  return (
    <>
      <Filter name="state" label="State" first="All states" options={STATES} />
      <Filter name="model" label="Model" first="All models" options={models.value} />
      <Filter name="user" label="User" first="All users" options={users.value} />
    </>
  );
}

const models = unchanging(() => {
  const found = new Set<string>();
  for (const host of hosts.value.values()) for (const [name] of sumsOf(host).models) found.add(name);
  return [...found].sort();
});

const users = unchanging(() => {
  const found = new Set<string>();
  for (const host of hosts.value.values()) for (const name of sumsOf(host).users ?? []) found.add(name);
  return [...found].sort();
});

function Filter({
  name,
  label,
  first,
  options,
}: {
  name: string;
  label: string;
  first: string;
  options: readonly string[];
}) {
  const value = termValue(searchText.value, name);
  const text = [...(value === "" || options.includes(value) ? [] : [value]), ...options].join("\n");
  // Hosts change each second, the choices hardly ever.
  return useMemo(
    () => (
      <select
        aria-label={label}
        value={value}
        onChange={event => setQuery({ q: withTerm(searchText.peek(), name, event.currentTarget.value) })}
      >
        <option value="">{first}</option>
        {text !== "" &&
          text.split("\n").map(each => (
            <option key={each} value={each}>
              {each}
            </option>
          ))}
      </select>
    ),
    [text, value],
  );
}

const SORTS: readonly (readonly [SortKey, down: boolean, text: string])[] = [
  ["trouble", false, "Trouble first"],
  ["name", false, "By name"],
  ["free", true, "Most free GPUs"],
  ["memory", true, "Most free memory"],
  ["power", true, "Most power"],
  ["temp", true, "Hottest"],
  ["users", true, "Most users"],
];

/** Order, also where headings are hidden. */
function SortChoice() {
  const now = orderText(order.value);
  const known = SORTS.some(([key, down]) => orderText({ key, down }) === now);
  return (
    <select
      aria-label="Order"
      value={now}
      onChange={event => setQuery({ sort: orderText(parseOrder(event.currentTarget.value)) })}
    >
      {SORTS.map(([key, down, text]) => (
        <option key={key} value={orderText({ key, down })}>
          {text}
        </option>
      ))}
      {!known && <option value={now}>By column</option>}
    </select>
  );
}

function GroupChoice() {
  const options = [...new Set([...labels.value, ...(grouping.value ? [grouping.value] : [])])];
  if (options.length === 0) return null;
  return (
    <select
      aria-label="Group by"
      value={grouping.value}
      onChange={event => setQuery({ group: event.currentTarget.value })}
    >
      <option value="">No groups</option>
      {options.map(label => (
        <option key={label} value={label}>
          By {label}
        </option>
      ))}
    </select>
  );
}

function LookChoice() {
  const isGrid = look.value === "grid";
  return (
    <button
      type="button"
      aria-pressed={isGrid}
      onClick={() => {
        const next = isGrid ? "table" : "grid";
        keepLook(next);
        setQuery({ view: next });
      }}
    >
      Grid
    </button>
  );
}

function ColumnChoice() {
  if (look.value === "grid") return null;
  const visible = visibleColumns().map(({ key }) => key);
  const set = (key: string, isShown: boolean) => {
    const next = allColumns()
      .map(column => column.key)
      .filter(each => (each === key ? isShown : visible.includes(each)));
    setQuery({ columns: next.join() === FIRST.join() ? "" : next.join() });
  };
  return (
    <Popover name="columns" class="wide" label="Columns" quiet={false} button={<>Columns</>}>
      <fieldset class="columns">
        <legend class="unseen">Visible columns</legend>
        {allColumns()
          .filter(({ key }) => key !== "host")
          .map(({ key, name }) => (
            <label key={key} class="check">
              <input
                type="checkbox"
                checked={visible.includes(key)}
                onChange={event => set(key, event.currentTarget.checked)}
              />
              {name}
            </label>
          ))}
      </fieldset>
      <button type="button" onClick={() => setQuery({ columns: "" })}>
        Reset
      </button>
    </Popover>
  );
}

const EXAMPLES: readonly (readonly [string, string])[] = [
  ["free>=2 mem>=40G", "two free GPUs with 40 GiB of free memory each"],
  ["model:h100 free>=1", "a free GPU whose model contains “h100”"],
  ["user:alice", "hosts that alice uses; also a list (alice,bob) and patterns (al*)"],
  ["held>=1 idle>2h", "a GPU that has been idle for two hours while its memory is held"],
  [
    "state:stale",
    "stale hosts; also ok, starting, unreachable, refused, trouble, or a GPU's state such as lost",
  ],
  ["rack:a1", "hosts with this label; label.NAME for a label that is called like a key"],
  ["mig>=1", "a free MIG instance"],
  ["util<10 temp>80", "GPUs by utilization in percent and by temperature in °C"],
  ["problem:xid", "hosts whose problems contain “xid”"],
  ["name:gpu0* version:0.1*", "also driver, source"],
  ["-rack:a1", "a minus excludes"],
  ['"out of memory"', "other words are looked for in names, labels, users, models and problems"],
];

function SearchHelp() {
  return (
    <Popover
      name="search-help"
      label="Search"
      button={
        <>
          <Icon name="info" />
          <span class="unseen">How to search</span>
        </>
      }
    >
      <p>All terms must match. Numbers of GPUs count those that match mem, model, util, temp and idle.</p>
      <dl class="examples">
        {EXAMPLES.map(([text, meaning]) => (
          <div key={text}>
            <dt>
              <button type="button" class="link" onClick={() => setQuery({ q: text })}>
                <code>{text}</code>
              </button>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </Popover>
  );
}
