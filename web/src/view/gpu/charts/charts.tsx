import { useEffect, useMemo, useState } from "preact/hooks";
import type { Gpu } from "../../../api/types";
import { route } from "../../../browser/route";
import { useLazy } from "../../../components/lazy";
import { FollowedHistory } from "../../../live/history";
import { snapshot } from "../../../live/store";
import { type ChartSelection, selectCharts } from "../../../model/chart-selection";
import { METRICS, PLANS, type Span, spanOf } from "../../../model/charts";
import { Chart } from "./chart";
import { newShared } from "./state";
import { Toolbar } from "./toolbar";

/** History of a GPU: one chart for each kind of metric, with one cursor over all. */
export function Charts({ gpu }: { gpu: Gpu }) {
  const span = spanOf(route.value.query["range"]);
  if (gpu.uuid === null) return null;
  return <Followed key={`${gpu.uuid} ${span.range}`} uuid={gpu.uuid} gpu={gpu} span={span} />;
}

function Followed({ uuid, gpu, span }: { uuid: string; gpu: Gpu; span: Span }) {
  const shared = useMemo(newShared, []);
  const [following, setFollowing] = useState<FollowedHistory | null>(null);
  useEffect(() => {
    const made = new FollowedHistory(uuid, span);
    setFollowing(made);
    return () => made.stop();
  }, [uuid, span]);
  const lazy = useLazy(loadDrawing);
  const drawing = lazy.kind === "loaded" ? lazy.part : null;
  const newest = snapshot.value?.gpus.find(each => each.uuid === uuid) ?? gpu;
  const columns = following?.columns.value;
  const chosen = columns ? selectCharts(PLANS, newest, METRICS, columns) : null;
  return (
    <section class="history" aria-label="Charts">
      <Toolbar
        span={span}
        shared={shared}
        history={following?.state.value ?? { kind: "asking" }}
        failed={lazy.kind === "failed"}
      />
      {following && chosen && columns && columns.times.length > 0 && (
        <div class="charts">
          {chosen.charts.map(({ plan, lines }) => (
            <Chart
              key={plan.key}
              plan={plan}
              lines={lines}
              gpu={newest}
              limits={gpu}
              span={span}
              following={following}
              shared={shared}
              drawing={drawing}
            />
          ))}
        </div>
      )}
      {chosen && <Omitted chosen={chosen} span={span} />}
    </section>
  );
}

/** Charts that are left out, with the reason. */
function Omitted({ chosen: { never, zero }, span }: { chosen: ChartSelection; span: Span }) {
  if (never.length === 0 && zero.length === 0) return null;
  return (
    <p class="fine">
      {never.length > 0 && `Not supported by this GPU or driver: ${never.join(", ")}. `}
      {zero.length > 0 && `At 0 for the last ${span.long}: ${zero.join(", ")}.`}
    </p>
  );
}

const loadDrawing = () => import("./plot");
