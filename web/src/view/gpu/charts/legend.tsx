import type { ReadonlySignal } from "@preact/signals";
import { FixedWidth } from "../../../components/fixed-width";
import { Absent, Value } from "../../../components/value";
import { absence, read } from "../../../model/absence";
import type { Drawn } from "../../../model/chart-selection";
import type { Columns } from "../../../model/history";
import { nearest } from "../../../model/keys";
import type { ChartProps } from "./state";

interface Props extends ChartProps {
  columns: ReadonlySignal<Columns>;
}

/** Names of the lines with their values at the cursor or, without one, the current ones. */
export function Legend(props: Props) {
  const { plan, lines, limits, shared, columns } = props;
  const cursor = shared.cursor.value;
  const at = cursor === null ? null : nearest(columns.value.times, cursor.time);
  const limit = plan.limit?.of(limits) ?? null;
  const drawn = lines.filter(({ why }) => why === null);
  return (
    <ul class="legend">
      {lines.map(each => (
        <li key={each.line.metric}>
          {each.why === null && <Dash of={drawn.indexOf(each)} />}
          {each.line.name} <b>{reading(each, at, props)}</b>
        </li>
      ))}
      {plan.limit && limit !== null && (
        <li>
          <i class="dash limit" aria-hidden="true" />
          {plan.limit.name} {plan.show(limit)}
        </li>
      )}
    </ul>
  );
}

function reading({ line, column, why }: Drawn, at: number | null, { plan, gpu, columns }: Props) {
  if (why) return <Absent why={why} what={line.name} />;
  if (at !== null) {
    const value = columns.value.values[column]?.[at] ?? null;
    return value === null ? <Absent why={UNREAD} quiet /> : <FixedWidth>{plan.show(value)}</FixedWidth>;
  }
  const isRead = gpu.state === "ok";
  const reason = isRead ? gpu.absent : { [line.path]: gpu.state };
  return (
    <Value
      of={read(reason, line.path, isRead ? line.of(gpu) : null)}
      show={value => <FixedWidth>{plan.show(value)}</FixedWidth>}
      quiet
    />
  );
}

const UNREAD = { ...absence("timeout"), word: "gap", text: "Nothing was read at that time." };

/** Sample of a line. */
function Dash({ of }: { of: number }) {
  return (
    <svg class="dash" viewBox="0 0 18 4" data-series={of} aria-hidden="true">
      <path d="M0 2H18" />
    </svg>
  );
}
