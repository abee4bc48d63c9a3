import type { ReadonlySignal } from "@preact/signals";
import { coarser, type Drawn, sumOf } from "../../../model/chart-selection";
import { type Plan, rowTime, type Span } from "../../../model/charts";
import { DASH, duration } from "../../../model/format";
import type { Columns } from "../../../model/history";

const SUMS = [
  ["highest", "Highest"],
  ["mean", "Mean"],
  ["lowest", "Lowest"],
] as const;

/** Data of a chart as a table, the newest first, in steps long enough to be read. */
export function ChartTable({
  plan,
  lines,
  span,
  columns,
}: {
  plan: Plan;
  lines: readonly Drawn[];
  span: Span;
  columns: ReadonlySignal<Columns>;
}) {
  const { times, values } = coarser(columns.value, span.rowMs);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be had without a mouse
    <section class="scroll data" tabIndex={0} aria-label={`${plan.name}, table`}>
      <table>
        <caption>
          Last {span.long}; each row is a mean of {duration(span.rowMs)}
        </caption>
        <thead>
          <tr>
            <th scope="col">From</th>
            {lines.map(({ line }) => (
              <th key={line.metric} scope="col" class="number">
                {line.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {SUMS.map(([key, name]) => (
            <tr key={key} class="sums">
              <th scope="row">{name}</th>
              {lines.map(({ line, column }) => (
                <Cell
                  show={plan.show}
                  key={line.metric}
                  value={sumOf(columns.value.values[column] ?? [])?.[key] ?? null}
                />
              ))}
            </tr>
          ))}
          {times
            .map((at, row) => (
              <tr key={at}>
                <th scope="row">{rowTime(span, at)}</th>
                {lines.map(({ line, column }) => (
                  <Cell show={plan.show} key={line.metric} value={values[column]?.[row] ?? null} />
                ))}
              </tr>
            ))
            .reverse()}
        </tbody>
      </table>
    </section>
  );
}

function Cell({ value, show }: { value: number | null; show: Plan["show"] }) {
  if (value !== null) return <td class="number">{show(value)}</td>;
  return (
    <td class="number">
      <span aria-hidden="true">{DASH}</span>
      <span class="unseen">not read</span>
    </td>
  );
}
