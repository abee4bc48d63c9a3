import { setQuery } from "../../../browser/route";
import { Choice } from "../../../components/choice";
import { Icon } from "../../../components/icon";
import type { Memory } from "../../../live/history";
import { SPANS, type Span } from "../../../model/charts";
import { clock } from "../../../model/format";
import type { Shared } from "./state";

const HELP =
  "Drag over a chart to zoom. With the keyboard: arrows move the cursor, Shift and arrows mark, Enter zooms into what is marked, + zooms in, Escape goes back.";

/** How far back the charts go, and what part of it is shown. */
export function Toolbar({
  span,
  shared,
  memory,
  failed,
}: {
  span: Span;
  shared: Shared;
  memory: Memory;
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
      <Zoomed shared={shared} />
      <Note memory={memory} failed={failed} />
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

function Zoomed({ shared: { zoom } }: { shared: Shared }) {
  if (zoom.value === null) return null;
  const { from, to } = zoom.value;
  return (
    <button
      type="button"
      aria-label="Show all of the range"
      onClick={() => {
        zoom.value = null;
      }}
    >
      {clock(from)} – {clock(to)}
      <Icon name="close" />
    </button>
  );
}

function Note({ memory, failed }: { memory: Memory; failed: boolean }) {
  if (failed) {
    return (
      <p class="many" role="status">
        What draws the charts could not be loaded; their tables are there.{" "}
        <button type="button" onClick={() => location.reload()}>
          Load the page anew
        </button>
      </p>
    );
  }
  return (
    <p class="many">
      {memory.kind === "asking" && "Asking for the past …"}
      {memory.kind === "failed" && `The past is asked for again by itself. ${memory.why}`}
    </p>
  );
}
