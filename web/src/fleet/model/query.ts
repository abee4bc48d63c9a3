import type { FleetGpu, Host } from "../types";
import { cellStatus, gpuCount, severityOf, sumsOf } from "./host";

/** A parsed search. */
export interface Search {
  /** True for hosts that match all terms without mistakes. */
  test(host: Host): boolean;
  /** True if it depends on values of GPUs, which are not sent for hosts off screen. */
  needsGpus: boolean;
  /** Mistakes, in whole sentences. */
  mistakes: string[];
  isEmpty: boolean;
}

export interface Context {
  /** Names of labels that hosts have. */
  labels: ReadonlySet<string>;
  /** The hub's time. */
  now: number;
}

type OfHost = (host: Host) => boolean;
type OfGpu = (gpu: FleetGpu, host: Host) => boolean;
type Compare = (value: number | null) => boolean;

/** Terms by the place where they are tested. */
interface Terms {
  hosts: OfHost[];
  gpus: OfGpu[];
  counts: { key: CountKey; compare: Compare }[];
  needsGpus: boolean;
  mistakes: string[];
}

interface Term {
  not: boolean;
  key: string;
  operator: string;
  value: string;
}

const COUNTS = ["free", "held", "busy", "unknown", "gpus", "mig"] as const;
type CountKey = (typeof COUNTS)[number];

const HOST_STATES = ["ok", "starting", "stale", "unreachable", "refused"];
const GPU_STATES = ["free", "held", "busy", "unknown", "lost", "denied", "asleep", "error"];
const SOURCES = ["agent", "older_agent", "original", "engine"];

/** Keys that are not labels. A label of the same name is `label.NAME`. */
export const KEYS: readonly string[] = [
  ...COUNTS,
  "mem",
  "util",
  "temp",
  "idle",
  "model",
  "user",
  "state",
  "name",
  "problem",
  "driver",
  "version",
  "source",
];

/** Words with quotes kept together. A quote that is not closed reaches to the end. */
const WORD = /(?:[^\s"]|"[^"]*(?:"|$))+/g;
const TERM = /^(-?)((?:label\.)?[A-Za-z_]\w*)(>=|<=|!=|>|<|=|:)(.*)$/s;

/** Parses a search. Terms with mistakes are reported and have no effect. */
export function parseSearch(text: string, context: Context): Search {
  const terms: Terms = { hosts: [], gpus: [], counts: [], needsGpus: false, mistakes: [] };
  const words = text.match(WORD) ?? [];
  for (const word of words) {
    try {
      add(terms, word, context);
    } catch (error) {
      if (!(error instanceof Mistake)) throw error;
      terms.mistakes.push(error.message);
    }
  }
  return {
    test: host => matches(terms, host),
    needsGpus: terms.needsGpus || terms.gpus.length > 0,
    mistakes: terms.mistakes,
    isEmpty: words.length === 0,
  };
}

class Mistake extends Error {}

const expected = (key: string, what: string, got: string): Mistake =>
  new Mistake(`${key}: expected ${what}, got ${got === "" ? "nothing" : `“${got}”`}.`);

function matches({ hosts, gpus, counts }: Terms, host: Host): boolean {
  if (!hosts.every(test => test(host))) return false;
  if (gpus.length === 0) return counts.every(({ key, compare }) => compare(countOf(host, key)));
  const found = (host.gpus ?? []).filter(gpu => gpus.every(test => test(gpu, host)));
  if (counts.length === 0) return found.length > 0;
  return counts.every(({ key, compare }) => compare(countAmong(found, host, key)));
}

function countOf(host: Host, key: CountKey): number {
  if (key === "mig") return host.counts.mig.free;
  return key === "gpus" ? gpuCount(host.counts.gpus) : host.counts.gpus[key];
}

function countAmong(gpus: readonly FleetGpu[], host: Host, key: CountKey): number {
  if (key === "gpus") return gpus.length;
  if (key === "mig") {
    if (host.state !== "ok") return 0;
    return gpus.reduce((sum, gpu) => sum + gpu.mig.filter(each => each.use === "free").length, 0);
  }
  const isKnown = (status: string) => status === "free" || status === "held" || status === "busy";
  return gpus.filter(gpu => {
    const status = cellStatus(host, gpu);
    return key === "unknown" ? !isKnown(status) : status === key;
  }).length;
}

function add(terms: Terms, word: string, context: Context): void {
  const found = TERM.exec(word);
  if (!found) {
    addText(terms, word);
    return;
  }
  const [, minus, key = "", operator = "", value = ""] = found;
  const term: Term = {
    not: (minus === "-") !== (operator === "!="),
    key,
    operator: operator === "!=" ? "=" : operator,
    value: unquoted(value),
  };
  if (!KEYS.includes(key)) addLabel(terms, term, context);
  else if ((COUNTS as readonly string[]).includes(key)) addCount(terms, term);
  else addKnown(terms, term, context);
}

function addCount({ counts }: Terms, term: Term): void {
  if (!/^\d+$/.test(term.value)) throw expected(term.key, `a number, as in ${term.key}>=2`, term.value);
  counts.push({ key: term.key as CountKey, compare: comparison(term, Number(term.value)) });
}

function addKnown(terms: Terms, term: Term, context: Context): void {
  switch (term.key) {
    case "user": {
      const test = matcher(equals(term));
      terms.needsGpus = true;
      terms.hosts.push(host => (sumsOf(host).users?.some(test) ?? false) !== term.not);
      return;
    }
    case "state":
      addState(terms, term);
      return;
    case "mem":
    case "util":
    case "temp":
    case "idle":
    case "model":
      terms.gpus.push(gpuTest(term, context));
      return;
    default: {
      const test = fieldTest(term);
      terms.hosts.push(host => test(host) !== term.not);
    }
  }
}

function gpuTest(term: Term, { now }: Context): OfGpu {
  switch (term.key) {
    case "mem": {
      const compare = comparison(term, bytesOf(term));
      return gpu => compare(gpu.memory_free_bytes);
    }
    case "util": {
      const compare = comparison(term, plainNumber(term));
      return gpu => compare(gpu.utilization_percent);
    }
    case "temp": {
      const compare = comparison(term, plainNumber(term));
      return gpu => compare(gpu.temperature_celsius);
    }
    case "idle": {
      const compare = comparison(term, durationOf(term));
      return gpu => gpu.use === "held" && compare(gpu.since === null ? null : now - gpu.since);
    }
    default: {
      const text = equals(term).toLowerCase();
      return gpu => (gpu.name?.toLowerCase().includes(text) ?? false) !== term.not;
    }
  }
}

function addState(terms: Terms, term: Term): void {
  const wanted = equals(term).toLowerCase().split(",");
  const known = [...HOST_STATES, "trouble", ...GPU_STATES];
  const wrong = wanted.find(state => !known.includes(state));
  if (wrong !== undefined) throw expected("state", `one of ${known.join(", ")}`, wrong);
  const isOfGpus = (state: string) => GPU_STATES.includes(state);
  if (wanted.some(isOfGpus)) terms.needsGpus = true;
  const is = (host: Host, state: string): boolean => {
    if (state === "trouble") return severityOf(host) !== null;
    if (!isOfGpus(state)) return host.state === state;
    return host.gpus?.some(gpu => cellStatus(host, gpu) === state) ?? false;
  };
  terms.hosts.push(host => wanted.some(state => is(host, state)) !== term.not);
}

function fieldTest(term: Term): OfHost {
  const test = matcher(equals(term));
  switch (term.key) {
    case "problem": {
      const text = term.value.toLowerCase();
      return host => [host.error ?? "", ...host.problems].some(each => each.toLowerCase().includes(text));
    }
    case "source":
      if (!SOURCES.includes(term.value.toLowerCase()))
        throw expected("source", `one of ${SOURCES.join(", ")}`, term.value);
      return host => host.source !== null && test(host.source);
    case "name":
      return host => test(host.name);
    case "driver":
      return host => host.driver_version !== null && test(host.driver_version);
    default:
      return host => host.agent_version !== null && test(host.agent_version);
  }
}

function addLabel({ hosts }: Terms, term: Term, { labels }: Context): void {
  const name = term.key.replace(/^label\./, "");
  const key = [...labels].find(each => each.toLowerCase() === name.toLowerCase());
  if (key === undefined) {
    const known = [...KEYS, ...labels].join(", ");
    throw new Mistake(`“${name}” is no label of a host. Known are ${known}. Put other text in quotes.`);
  }
  const test = matcher(equals(term));
  hosts.push(host => (host.labels[key] !== undefined && test(host.labels[key])) !== term.not);
}

function addText(terms: Terms, word: string): void {
  const not = word.startsWith("-") && word.length > 1;
  const text = unquoted(not ? word.slice(1) : word).toLowerCase();
  terms.hosts.push(host => textOf(host).includes(text) !== not);
}

const texts = new WeakMap<Host, string>();

/** Everything about a host that plain words are looked for in. */
function textOf(host: Host): string {
  const known = texts.get(host);
  if (known !== undefined) return known;
  const { users, models } = sumsOf(host);
  const parts = [
    host.name,
    host.state,
    ...Object.values(host.labels),
    host.error,
    ...host.problems,
    ...(users ?? []),
    ...models.map(([name]) => name),
    host.driver_version,
    host.agent_version,
  ];
  const text = parts
    .filter(part => part !== null)
    .join("\n")
    .toLowerCase();
  texts.set(host, text);
  return text;
}

function comparison({ not, operator }: Term, number: number): Compare {
  const compare = (value: number): boolean => {
    switch (operator) {
      case ">=":
        return value >= number;
      case "<=":
        return value <= number;
      case ">":
        return value > number;
      case "<":
        return value < number;
      default:
        return value === number;
    }
  };
  // An unknown value is neither more nor less than a number.
  return value => value !== null && compare(value) !== not;
}

/** Value of a term that only `:` and `=` make sense for. */
function equals({ key, operator, value }: Term): string {
  if (operator !== ":" && operator !== "=") throw expected(key, `“:”, as in ${key}:…`, operator);
  if (value === "") throw expected(key, "a value", "");
  return value;
}

const SIZES: Record<string, number> = { m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

function bytesOf({ key, value }: Term): number {
  const found = /^(\d+(?:\.\d+)?)([mgt])(?:i?b)?$/i.exec(value);
  const unit = SIZES[found?.[2]?.toLowerCase() ?? ""];
  if (!found || unit === undefined) throw expected(key, "a size with a unit, such as 40G", value);
  return Number(found[1]) * unit;
}

const TIMES: Record<string, number> = { s: 1_000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 };

function durationOf({ key, value }: Term): number {
  const found = /^(\d+(?:\.\d+)?)(s|min|m|h|d)$/i.exec(value);
  const unit = TIMES[found?.[2]?.toLowerCase() ?? ""];
  if (!found || unit === undefined) throw expected(key, "a duration with a unit, such as 2h", value);
  return Number(found[1]) * unit;
}

function plainNumber({ key, value }: Term): number {
  const found = /^(\d+(?:\.\d+)?)(?:%|°?c)?$/i.exec(value);
  if (!found) throw expected(key, `a number, as in ${key}>80`, value);
  return Number(found[1]);
}

/** Test for whole values, any of a list, with `*` for any text; case is ignored. */
function matcher(value: string): (text: string) => boolean {
  const patterns = value.split(",").map(part => part.split(/\*+/).map(escaped).join(".*"));
  const pattern = new RegExp(`^(?:${patterns.join("|")})$`, "is");
  return text => pattern.test(text);
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

const unquoted = (text: string): string => text.replaceAll('"', "");

/** A value as it is written in a search. */
const quoted = (value: string): string => (/[\s"]/.test(value) ? `"${unquoted(value)}"` : value);

/** The search with the value of a key replaced, added, or (empty) removed. */
export function withTerm(text: string, key: string, value: string): string {
  const words = (text.match(WORD) ?? []).filter(word => TERM.exec(word)?.[2] !== key);
  return [...words, ...(value === "" ? [] : [`${key}:${quoted(value)}`])].join(" ");
}

/** Value of a key in the search, if it has one term, without a negation; else empty. */
export function termValue(text: string, key: string): string {
  const found = (text.match(WORD) ?? []).map(word => TERM.exec(word)).filter(each => each?.[2] === key);
  const [first] = found;
  const isPlain = found.length === 1 && first?.[1] === "" && /^[:=]$/.test(first[3] ?? "");
  return isPlain ? unquoted(first?.[4] ?? "") : "";
}
