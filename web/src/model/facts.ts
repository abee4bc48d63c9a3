import { FACTS } from "../api/facts";
import type { Gpu } from "../api/types";
import { type Reading, read } from "./absence";
import { bytes, celsius, count, duration, energy, megahertz, percent, rate, ratio, watts } from "./format";

type Value = string | number | boolean | readonly string[];
type Format = (value: Value) => string;

/** A reading of a GPU that the page lists. */
export type Fact = (typeof FACTS)[number];
export type FactPath = Fact["path"];

/** Readings of one group, in the order of the API's catalogue. */
export interface FactGroup {
  name: Fact["group"];
  facts: readonly Fact[];
}

/** Every reading of a GPU, except those with their own display: use, health, MIG instances, Xid errors, fans. */
export const GROUPS: readonly FactGroup[] = [...new Set(FACTS.map(fact => fact.group))].map(name => ({
  name,
  facts: FACTS.filter(fact => fact.group === name),
}));

/** Text for a value that is not a number, as from an agent newer than the page. */
const number =
  (format: (value: number) => string): Format =>
  value =>
    typeof value === "number" ? format(value) : String(value);
const flag =
  (yes: string, no: string): Format =>
  value =>
    typeof value === "boolean" ? (value ? yes : no) : String(value);

const spaced = (word: Value): string => String(word).replaceAll("_", " ");

const FORMATS: Record<Fact["unit"], Format> = {
  count: number(count),
  percent: number(percent),
  ratio: number(ratio),
  bytes: number(bytes),
  bytes_per_second: number(rate),
  celsius: number(celsius),
  watts: number(watts),
  joules: number(energy),
  megahertz: number(megahertz),
  seconds: number(value => duration(value * 1000)),
  flag: flag("yes", "no"),
  word: spaced,
  words: value => (Array.isArray(value) ? value.map(spaced).join(", ") || "none" : spaced(value)),
  text: String,
};

const onOff = flag("on", "off");

/** Readings that are not written as others of their unit. */
const SPECIAL: Partial<Record<FactPath, Format>> = {
  performance_state: value => `P${value}`,
  minor_number: value => `/dev/nvidia${value}`,
  architecture: value => String(value).charAt(0).toUpperCase() + String(value).slice(1),
  "ecc.enabled": onOff,
  "modes.persistence": onOff,
  "modes.mig": onOff,
};

export const showFact = ({ path, unit }: Fact, value: Value): string =>
  (SPECIAL[path] ?? FORMATS[unit])(value);

/** Description of a reading in plain text. */
export function descriptionOf(path: FactPath): string {
  const found = FACTS.find(fact => fact.path === path)?.description ?? "";
  return found.replaceAll("`", "");
}

/** Value at a path of a GPU, or the reason for its absence. */
export function factOf(gpu: Gpu, path: string): Reading<Value> {
  let value: unknown = gpu;
  for (const key of path.split(".")) value = (value as Record<string, unknown> | null)?.[key];
  return read(gpu.absent, path, (value ?? null) as Value | null);
}
