import { useComputed, useSignal } from "@preact/signals";
import { Icon } from "../../../components/icon";
import { between } from "../../../model/chart-selection";
import { ChartCanvas } from "./canvas";
import { Legend } from "./legend";
import type { ChartProps } from "./state";
import { ChartTable } from "./table";

/** One chart: its legend with the values at the cursor, and its canvas or table. */
export function Chart(props: ChartProps) {
  const { plan, lines, following, span, shared } = props;
  const asTable = useSignal(false);
  const window = useComputed(() => {
    const to = following.end.value;
    return shared.zoom.value ?? { from: to - span.ms, to };
  });
  const which = lines.map(({ column }) => column);
  const columns = useComputed(() => {
    const { from, to } = window.value;
    return between(following.columns.value, which, from, to);
  });
  const available = lines.filter(({ why }) => why === null);
  const first = lines[0];
  return (
    <section class="panel chart" aria-label={plan.name} data-chart={plan.key}>
      <div class="head">
        <h3>{plan.name}</h3>
        {available.length > 0 && (
          <button
            type="button"
            class="quiet"
            aria-pressed={asTable.value}
            data-tooltip={asTable.value ? "Show the chart" : "Show as a table"}
            onClick={() => {
              asTable.value = !asTable.value;
            }}
          >
            <Icon name="columns" />
            <span class="unseen">{plan.name} as a table</span>
          </button>
        )}
        <Legend {...props} columns={columns} />
      </div>
      {available.length === 0 && first?.why && (
        <p class="nothing">
          No data for the last {span.long}. {first.why.text}
        </p>
      )}
      {available.length > 0 &&
        (asTable.value ? (
          <ChartTable plan={plan} lines={available} span={span} columns={columns} />
        ) : (
          <ChartCanvas {...props} lines={available} window={window} columns={columns} />
        ))}
    </section>
  );
}
