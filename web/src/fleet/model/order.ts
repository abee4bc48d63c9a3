import type { Host } from "../types";
import { gpuCount, rankOf, sumsOf } from "./host";

/** Keys of the order of hosts. `trouble` is the first. */
export const SORT_KEYS = [
  "trouble",
  "name",
  "state",
  "free",
  "held",
  "busy",
  "gpus",
  "memory",
  "power",
  "util",
  "temp",
  "users",
  "updated",
] as const;
export type SortKey = (typeof SORT_KEYS)[number] | `label.${string}`;

export interface Order {
  key: SortKey;
  down: boolean;
}

export const FIRST_ORDER: Order = { key: "trouble", down: false };

/** True if the order depends on values of GPUs. */
export const orderNeedsGpus = ({ key }: Order): boolean =>
  ["memory", "power", "util", "temp", "users"].includes(key);

/** True if the value changes often, so that rows would jump. */
export const moves = ({ key }: Order): boolean =>
  ["memory", "power", "util", "temp", "updated"].includes(key);

const names = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/** Compares texts as people do: `gpu2` before `gpu10`. */
export const compareText = (a: string, b: string): number =>
  names.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0);

/** Places of names in that order, so that a comparison is one of numbers. */
export class Places {
  private places = new Map<string, number>();

  of(hosts: readonly Host[]): ReadonlyMap<string, number> {
    if (hosts.length !== this.places.size || hosts.some(host => !this.places.has(host.name))) {
      const sorted = hosts.map(host => host.name).sort(compareText);
      this.places = new Map(sorted.map((name, place) => [name, place]));
    }
    return this.places;
  }
}

/** Sorts hosts; equal ones by name. Unknown values come last in both directions. */
export function sortHosts(
  hosts: readonly Host[],
  { key, down }: Order,
  places: ReadonlyMap<string, number>,
): Host[] {
  const place = (host: Host) => places.get(host.name) ?? 0;
  const value = key === "name" ? place : valueBy(key);
  const keyed = hosts.map(host => ({ host, value: value(host), place: place(host) }));
  keyed.sort((a, b) => {
    if (a.value === b.value) return a.place - b.place;
    if (a.value === null) return 1;
    if (b.value === null) return -1;
    const order =
      typeof a.value === "string" ? compareText(a.value, String(b.value)) : a.value - Number(b.value);
    return (down ? -order : order) || a.place - b.place;
  });
  return keyed.map(each => each.host);
}

function valueBy(key: SortKey): (host: Host) => number | string | null {
  switch (key) {
    case "trouble":
      return rankOf;
    case "state":
      return host => (host.state === "ok" ? null : host.state);
    case "free":
    case "held":
    case "busy":
      return host => current(host, host.counts.gpus[key]);
    case "gpus":
      return host => gpuCount(host.counts.gpus);
    case "memory":
      return host => current(host, sumsOf(host).memoryFree);
    case "power":
      return host => current(host, sumsOf(host).power);
    case "util":
      return host => current(host, sumsOf(host).utilization);
    case "temp":
      return host => current(host, sumsOf(host).temperature);
    case "users":
      return host => sumsOf(host).users?.length ?? null;
    case "updated":
      return host => host.read_at;
    default: {
      const label = key.slice("label.".length);
      return host => host.labels[label] ?? null;
    }
  }
}

/** Values of a host that does not report are not compared with current ones. */
const current = (host: Host, value: number | null): number | null => (host.state === "ok" ? value : null);

/** Order as in the URL: `-free` is by free GPUs, the most first. */
export function parseOrder(text: string): Order {
  const down = text.startsWith("-");
  const key = down ? text.slice(1) : text;
  const known = (SORT_KEYS as readonly string[]).includes(key) || key.startsWith("label.");
  return known ? { key: key as SortKey, down } : FIRST_ORDER;
}

export const orderText = ({ key, down }: Order): string =>
  key === "trouble" ? "" : `${down ? "-" : ""}${key}`;

/** Hosts in the order of their rows before, new ones last. */
export function keepOrder(hosts: readonly Host[], before: readonly string[]): Host[] {
  const places = new Map(before.map((name, place) => [name, place]));
  const place = (host: Host) => places.get(host.name) ?? before.length;
  return hosts
    .map(host => ({ host, place: place(host) }))
    .sort((a, b) => a.place - b.place)
    .map(each => each.host);
}

/** Hosts with the same value of a label. */
export interface Group {
  /** Null for hosts without the label. */
  value: string | null;
  names: string[];
}

/** Groups names of hosts by the value of a label of each, in the order of values; hosts without it are last. */
export function groupBy(names: readonly string[], values: readonly (string | null)[]): Group[] {
  const found = new Map<string | null, string[]>();
  for (const [at, name] of names.entries()) {
    const value = values[at] ?? null;
    const group = found.get(value);
    if (group) group.push(name);
    else found.set(value, [name]);
  }
  return [...found]
    .map(([value, names]) => ({ value, names }))
    .sort((a, b) => (a.value === null ? 1 : b.value === null ? -1 : compareText(a.value, b.value)));
}
