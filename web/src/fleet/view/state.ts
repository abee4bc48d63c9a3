import { computed, effect, signal } from "@preact/signals";
import { stored } from "../../browser/stored";
import { needsAllGpus } from "../live/start";
import { hosts, hubNow, labels } from "../live/store";
import { unchanging } from "../live/unchanging";
import {
  groupBy,
  keepOrder,
  moves,
  type Order,
  orderNeedsGpus,
  Places,
  parseOrder,
  sortHosts,
} from "../model/order";
import { parseSearch } from "../model/query";
import { route } from "../route";
import type { Host } from "../types";

/** Parameter of the hosts' view in the URL. */
const parameter = (name: string) =>
  computed(() => (route.value.view === "hosts" ? (route.value.query[name] ?? "") : ""));

export const searchText = parameter("q");
const sortText = parameter("sort");
export const grouping = parameter("group");

export const order = computed<Order>(() => parseOrder(sortText.value));

const labelText = computed(() => labels.value.join("\n"));

export const search = computed(() =>
  parseSearch(searchText.value, {
    labels: new Set(labelText.value === "" ? [] : labelText.value.split("\n")),
    now: hubNow(),
  }),
);

/** Look of the list that was chosen last on this browser. */
const storedLook = stored<"table" | "grid">(
  "fleet-look",
  "table",
  (value): value is "table" | "grid" => value === "table" || value === "grid",
);
const lookText = parameter("view");

/** Look of the list: in the URL, else the last choice. */
export const look = computed(() =>
  lookText.value === "grid" || lookText.value === "table" ? lookText.value : storedLook.value,
);

export const keepLook = (next: "table" | "grid"): void => {
  storedLook.value = next;
};

/** Asks for the GPUs of all hosts while the view depends on them. */
export function followNeeds(): void {
  effect(() => {
    const { view } = route.value;
    needsAllGpus.value =
      view === "users" || (view === "hosts" && (search.value.needsGpus || orderNeedsGpus(order.value)));
  });
}

/** Interval of sorting by values that change each second, in milliseconds. */
const SORT_INTERVAL_MS = 5_000;

/** True while the pointer or the focus is in the list, so that no row moves under it. */
export const held = signal(false);

const places = new Places();
let last = { by: "", at: Number.NEGATIVE_INFINITY, names: [] as string[] };

/** Names of hosts that match the search, in an order that does not jump. */
export const shown = unchanging(() => {
  const all = [...hosts.value.values()];
  const { test, isEmpty } = search.value;
  const matching = isEmpty ? all : all.filter(test);
  const by = `${sortText.value} ${searchText.value}`;
  const isSettled = held.peek() || performance.now() - last.at < SORT_INTERVAL_MS;
  if (moves(order.value) && by === last.by && isSettled) return namesOf(keepOrder(matching, last.names));
  const names = namesOf(sortHosts(matching, order.value, places.of(all)));
  last = { by, at: performance.now(), names };
  return names;
});

const namesOf = (hosts: readonly Host[]): string[] => hosts.map(({ name }) => name);

/** A row of the list: a host, or the heading of a group of them. What they show is not part of it. */
export type Item =
  | { kind: "host"; key: string; name: string }
  | { kind: "group"; key: string; value: string | null; names: readonly string[]; isOpen: boolean };

/** Groups that are closed, by value. */
export const closed = signal<ReadonlySet<string | null>>(new Set());

export function toggleGroup(value: string | null): void {
  const next = new Set(closed.value);
  if (!next.delete(value)) next.add(value);
  closed.value = next;
}

/** Value of the label of groups of each shown host; none without groups. */
const groupValues = unchanging(() => {
  const label = grouping.value;
  return label === "" ? [] : shown.value.map(name => hosts.value.get(name)?.labels[label] ?? null);
});

/** Rows of the list: they stay the same while values of hosts change. */
export const items = computed<Item[]>(() => {
  const row = (name: string): Item => ({ kind: "host", key: `host ${name}`, name });
  if (grouping.value === "") return shown.value.map(row);
  return groupBy(shown.value, groupValues.value).flatMap(({ value, names }) => {
    const isOpen = !closed.value.has(value);
    const group: Item = {
      kind: "group",
      key: value === null ? "group" : `group ${value}`,
      value,
      names,
      isOpen,
    };
    return isOpen ? [group, ...names.map(row)] : [group];
  });
});
