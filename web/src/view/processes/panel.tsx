import { useEffect, useRef } from "preact/hooks";
import type { Gpu } from "../../api/types";
import { setQuery } from "../../browser/route";
import { shown } from "../../live/store";
import { NO_FILTER, nobodyListed } from "../../model/processes";
import { HiddenNames } from "../sign-in";
import { filterOf, keepChoiceInUrl, order, Rows } from "./state";
import { Table } from "./table";
import { Tools } from "./tools";

/** Processes of one GPU or of all. */
export function ProcessPanel({ gpu }: { gpu?: Gpu }) {
  useEffect(keepChoiceInUrl, []);
  const rows = useRef<Rows | null>(null);
  rows.current ??= new Rows();
  const state = rows.current;
  const old = shown.value.filter(({ asOf }) => asOf !== null).map(each => each.gpu.index);
  const gpus = shown.value.map(each => each.gpu);
  const listed = shown.value.filter(each => !gpu || each.gpu.index === gpu.index);
  const all = listed.flatMap(each => each.processes);
  const uses = listed.map(each => each.gpu.use);
  const wanted = filterOf(gpu);
  const by = order();
  const place = useRef<HTMLDivElement>(null);
  const found = state.of(all, wanted, by, performance.now(), isHeld(place.current));
  return (
    <section class="panel" aria-label="Processes">
      <Tools all={all} rows={found} filter={wanted} gpus={gpus} anyGpu={!gpu} />
      <HiddenNames />
      {found.length > 0 ? (
        <Table rows={found} gpus={gpus} one={gpu !== undefined} old={old} order={by} place={place} />
      ) : (
        <Empty none={all.length === 0 && nobodyListed(uses, gpu !== undefined)} />
      )}
    </section>
  );
}

/**
 * True while the pointer or focus is in the table. Queried, not tracked: a focused row may be removed without an
 * event, and a touch leaves `:hover` behind.
 */
const isHeld = (table: HTMLElement | null): boolean =>
  table !== null &&
  (table.querySelector("tbody:focus-within") !== null ||
    (table.querySelector("tbody:hover") !== null && matchMedia("(hover: hover)").matches));

/** Text for an empty table: there are no processes, or none matches. */
function Empty({ none }: { none: string | false }) {
  if (none) return <p class="nothing">{none}</p>;
  const { text: q, ...rest } = NO_FILTER;
  return (
    <p class="nothing">
      No process matches.{" "}
      <button type="button" onClick={() => setQuery({ q, ...rest })}>
        Clear filters
      </button>
    </p>
  );
}
