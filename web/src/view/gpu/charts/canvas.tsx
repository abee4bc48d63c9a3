import { effect, type ReadonlySignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { contrast, theme } from "../../../browser/settings";
import { agentNow } from "../../../live/store";
import { sumOf } from "../../../model/chart-selection";
import { timeIn } from "../../../model/charts";
import { moment } from "../../../model/format";
import type { Columns } from "../../../model/history";
import { type KeyResult, nearest, press } from "../../../model/keys";
import type { Looks, Plot, Window } from "./plot";
import type { ChartProps } from "./state";

interface Props extends ChartProps {
  window: ReadonlySignal<Window>;
  columns: ReadonlySignal<Columns>;
}

/** Canvas of a chart. To the keyboard it is a slider over time whose value is the values at the cursor. */
export function ChartCanvas(props: Props) {
  const { plan, span, shared, window, columns, lines, drawing } = props;
  const place = useRef<HTMLDivElement>(null);
  usePlot(props, place);
  const { times, values } = columns.value;
  const cursor = shared.cursor.value;
  const at = nearest(times, cursor?.time ?? Number.POSITIVE_INFINITY);
  const readings = lines.map(({ line, column }) => {
    const value = values[column]?.[at] ?? null;
    return `${line.name} ${value === null ? "not read" : plan.show(value)}`;
  });
  // Values are read out only at a cursor set by keys: the newest would be read out each second.
  const text =
    cursor?.by === "keys"
      ? `${timeIn(span, times[at] ?? 0)}: ${readings.join(", ")}`
      : "Use the arrow keys to read values";
  return (
    <div
      ref={place}
      class="picture"
      role="slider"
      tabIndex={0}
      aria-label={`${plan.name} of the last ${span.long}`}
      aria-orientation="horizontal"
      // Counted back from the newest, so that nothing is read out as time passes.
      aria-valuemin={Math.min(0, 1 - times.length)}
      aria-valuemax={0}
      aria-valuenow={cursor?.by === "keys" ? -cursor.back : 0}
      aria-valuetext={text}
      aria-busy={drawing === null}
      onKeyDown={event => {
        if (event.ctrlKey || event.altKey || event.metaKey) return;
        const done = press(event.key, event.shiftKey, {
          times,
          time: cursor?.by === "keys" ? cursor.time : null,
          mark: shared.mark.value,
          zoomed: shared.zoom.value !== null,
        });
        if (!done) return;
        event.preventDefault();
        applyKey(done, props);
      }}
      onBlur={() => {
        if (shared.cursor.peek()?.by === "keys") applyKey({ do: "let go" }, props);
      }}
    >
      <p class="unseen">{useSummary(props)}</p>
      {cursor && <When time={times[at] ?? cursor.time} window={window.value} />}
    </div>
  );
}

/** Time at the cursor. Hidden from screen readers, which get it as the slider's value. */
function When({ time, window: { from, to } }: { time: number; window: Window }) {
  return (
    <time class="when" aria-hidden="true" style={{ "--at": (time - from) / (to - from) }}>
      {moment(time, agentNow())}
    </time>
  );
}

function applyKey(done: KeyResult, { shared, columns }: Props): void {
  const { cursor, mark, zoom } = shared;
  if (done.do === "move") {
    const { times } = columns.peek();
    cursor.value = { time: done.time, by: "keys", back: times.length - 1 - nearest(times, done.time) };
    mark.value = done.mark;
    return;
  }
  mark.value = null;
  if (done.do === "zoom") zoom.value = { from: done.from, to: done.to };
  else if (done.do === "reset") zoom.value = null;
  else cursor.value = null;
}

/** Interval of the summary for screen readers, in milliseconds: nobody can follow one each second. */
const SUMMARY_INTERVAL_MS = 15_000;

function useSummary(props: Props): string {
  const made = useRef({ at: Number.NEGATIVE_INFINITY, text: "" });
  const now = performance.now();
  if (now - made.current.at > SUMMARY_INTERVAL_MS) made.current = { at: now, text: describe(props) };
  return made.current.text;
}

function describe({ plan, lines, columns, span }: Props): string {
  const sums = lines.map(({ line, column }) => {
    const sum = sumOf(columns.value.values[column] ?? []);
    if (!sum) return `${line.name}: no data`;
    return `${line.name}: ${plan.show(sum.mean)} on average, from ${plan.show(sum.lowest)} to ${plan.show(sum.highest)}`;
  });
  return `Last ${span.long}. ${sums.join("; ")}.`;
}

/** Creates and destroys the plot of an element. */
function usePlot(props: Props, place: { current: HTMLElement | null }): void {
  const { drawing, shared, window, columns, lines, plan, limits } = props;
  const plot = useRef<Plot | null>(null);
  const looks: Looks = {
    lines,
    show: plan.show,
    unit: plan.unit,
    low: plan.low,
    high: plan.high(limits),
    least: plan.least ?? 1,
    limit: plan.limit?.of(limits) ?? null,
  };
  const what = lines.map(({ line }) => line.metric).join();
  // New lines need a new plot, new numbers do not.
  useEffect(() => {
    if (!drawing || !place.current) return;
    const made = new drawing.Plot(place.current, looks, {
      pointed: time => {
        shared.cursor.value = time === null ? null : { time, by: "pointer" };
      },
      brushed: brushed => {
        shared.zoom.value = brushed;
      },
      reset: () => {
        shared.zoom.value = null;
      },
    });
    plot.current = made;
    const stops = [
      effect(() => made.draw(columns.value, window.value)),
      effect(() => {
        const cursor = shared.cursor.value;
        const mark = shared.mark.value;
        made.hold(cursor?.by === "keys" ? cursor.time : null);
        made.mark(cursor && mark !== null ? windowOf(mark, cursor.time) : null);
      }),
    ];
    return () => {
      for (const stop of stops) stop();
      plot.current = null;
      made.destroy();
    };
  }, [drawing, what]);
  // Repaints in other colours and with other limits.
  useEffect(() => {
    const repaint = () => plot.current?.repaint(looks);
    repaint();
    return onOtherColours(repaint);
  }, [theme.value, contrast.value, looks.high, looks.limit]);
}

const windowOf = (a: number, b: number): Window => ({ from: Math.min(a, b), to: Math.max(a, b) });

/** Calls back when the system changes its colours. */
function onOtherColours(act: () => void): () => void {
  const queries = ["(prefers-color-scheme: dark)", "(prefers-contrast: more)", "(forced-colors: active)"].map(
    query => matchMedia(query),
  );
  for (const query of queries) query.addEventListener("change", act);
  return () => {
    for (const query of queries) query.removeEventListener("change", act);
  };
}
