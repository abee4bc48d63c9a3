import { setQuery } from "../../../browser/route";
import { Choice } from "../../../components/choice";
import { Icon } from "../../../components/icon";
import type { HistoryState } from "../../../live/history";
import { SPANS, type Span, timeIn } from "../../../model/charts";
import { zone } from "../../footer";
import type { Shared } from "./state";

const HELP =
  "Drag over a chart to zoom. Keyboard: arrows move the cursor, Shift and arrows select, Enter zooms into the selection, + zooms in, Escape goes back.";

/** Range and zoom of the charts. */
export function Toolbar({
  span,
  shared,
  history,
  failed,
}: {
  span: Span;
  shared: Shared;
  history: HistoryState;
  failed: boolean;
}) {
  const range = {
    get value() {
      return span.range;
    },
    set value(range) {
      setQuery({ range: range === "15m" ? "" : range });
    },
  };
  return (
    <div class="tools">
      <h2>Charts</h2>
      <Choice legend="Range" of={range} options={SPANS.map(each => [each.range, each.short] as const)} />
      <Zoomed span={span} shared={shared} />
      <span class="fine">Times in {zone.value}</span>
      <Note history={history} failed={failed} />
      <button
        type="button"
        class="quiet help"
        data-tooltip={HELP}
        aria-label={`How to use the charts: ${HELP}`}
      >
        <Icon name="info" />
      </button>
    </div>
  );
}

function Zoomed({ span, shared: { zoom } }: { span: Span; shared: Shared }) {
  if (zoom.value === null) return null;
  const { from, to } = zoom.value;
  return (
    <button
      type="button"
      aria-label="Show the whole range"
      onClick={() => {
        zoom.value = null;
      }}
    >
      {timeIn(span, from)} – {timeIn(span, to)}
      <Icon name="close" />
    </button>
  );
}

function Note({ history, failed }: { history: HistoryState; failed: boolean }) {
  if (failed) {
    return (
      <p class="many" role="status">
        The code of the charts could not be loaded; tables are available.{" "}
        <button type="button" onClick={() => location.reload()}>
          Reload the page
        </button>
      </p>
    );
  }
  return (
    <p class="many">
      {history.kind === "asking" && "Loading history …"}
      {history.kind === "failed" && `Retrying to load history. ${history.why}`}
    </p>
  );
}
