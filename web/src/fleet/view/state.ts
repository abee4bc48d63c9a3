import { computed, effect, signal } from "@preact/signals";
import { stored } from "../../browser/stored";
import { needsAllGpus } from "../live/start";
import { hosts, hubNow, labels } from "../live/store";
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

/** Hosts that match the search, in an order that does not jump. */
export const shown = computed<Host[]>(() => {
  const all = [...hosts.value.values()];
  const { test, isEmpty } = search.value;
  const matching = isEmpty ? all : all.filter(test);
  const by = `${sortText.value} ${searchText.value}`;
  const isSettled = held.peek() || performance.now() - last.at < SORT_INTERVAL_MS;
  if (moves(order.value) && by === last.by && isSettled) return keepOrder(matching, last.names);
  const sorted = sortHosts(matching, order.value, places.of(all));
  last = { by, at: performance.now(), names: sorted.map(host => host.name) };
  return sorted;
});

/** A row of the list. */
export type Item =
  | { kind: "host"; key: string; host: Host }
  | { kind: "group"; key: string; value: string | null; hosts: Host[]; isOpen: boolean };

/** Groups that are closed, by value. */
export const closed = signal<ReadonlySet<string | null>>(new Set());

export function toggleGroup(value: string | null): void {
  const next = new Set(closed.value);
  if (!next.delete(value)) next.add(value);
  closed.value = next;
}

export const items = computed<Item[]>(() => {
  const row = (host: Host): Item => ({ kind: "host", key: `host ${host.name}`, host });
  if (grouping.value === "") return shown.value.map(row);
  return groupBy(shown.value, grouping.value).flatMap(({ value, hosts }) => {
    const isOpen = !closed.value.has(value);
    const group: Item = {
      kind: "group",
      key: value === null ? "group" : `group ${value}`,
      value,
      hosts,
      isOpen,
    };
    return isOpen ? [group, ...hosts.map(row)] : [group];
  });
});
