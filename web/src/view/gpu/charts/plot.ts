import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Drawn } from "../../../model/chart-selection";
import { clock, dayAndMonth, hourAndMinute } from "../../../model/format";
import type { Columns } from "../../../model/history";
import { type CanvasColours, canvasColours } from "./canvas-colours";
import { scheduleDraw } from "./draw-queue";

/** Properties of a chart, apart from its data. */
export interface Looks {
  lines: readonly Drawn[];
  show(value: number): string;
  unit: "decimal" | "binary";
  low: number;
  /** Top of the axis at least; null leaves it to the data. */
  high: number | null;
  least: number;
  limit: number | null;
}

export interface Window {
  from: number;
  to: number;
}

/** Events of a chart. */
export interface PlotEvents {
  /** The pointer is over a time, or has left (null). */
  pointed(time: number | null): void;
  brushed(window: Window): void;
  reset(): void;
}

const AXIS_WIDTH = 70;
const AXIS_HEIGHT = 24;
/** Dash patterns, so that lines differ not only by colour. */
const DASHES = [[], [7, 3], [2, 3], [9, 3, 2, 3]];
/** Shortest brush in pixels; less is a click. */
const MIN_BRUSH = 6;
const LINE_WIDTH = 1.5;
/** Pixels that a chart must have moved to be drawn again. */
const MIN_MOVE = 2;

/** Chart drawn by uPlot. All charts of a page share a cursor. */
export class Plot {
  private readonly plot: uPlot;
  private readonly watch: ResizeObserver;
  private readonly look: IntersectionObserver;
  private colours: CanvasColours;
  private seen = true;
  private drawn: Window = { from: 0, to: 0 };
  private wanted: { columns: Columns; window: Window } | null = null;
  private held: number | null = null;
  private hovered = false;
  private marked = false;

  constructor(
    private readonly place: HTMLElement,
    private looks: Looks,
    private readonly events: PlotEvents,
  ) {
    this.colours = canvasColours(place);
    const { width, height } = place.getBoundingClientRect();
    this.plot = new uPlot(this.options(width, height), [[], ...looks.lines.map(() => [])], place);
    this.follow(this.plot.over);
    this.watch = new ResizeObserver(() => this.resize());
    this.watch.observe(place);
    this.look = new IntersectionObserver(entries => {
      this.seen = entries.at(-1)?.isIntersecting ?? true;
      if (this.seen) this.hurry();
    });
    this.look.observe(place);
  }

  /** Schedules a draw of this data; charts out of sight are drawn once they are in sight. */
  draw(columns: Columns, window: Window): void {
    this.wanted = { columns, window };
    const perPixel = (window.to - window.from) / Math.max(1, this.plot.bbox.width / devicePixelRatio);
    const moved = Math.abs(window.to - this.drawn.to) + Math.abs(window.from - this.drawn.from);
    if (this.seen && moved >= perPixel * MIN_MOVE) scheduleDraw(this, () => this.now());
  }

  /** Draws again in other colours or limits. */
  repaint(looks: Looks): void {
    this.looks = looks;
    this.colours = canvasColours(this.place);
    this.hurry();
  }

  private hurry(): void {
    if (this.wanted) scheduleDraw(this, () => this.now());
  }

  private now(): void {
    const { wanted, plot } = this;
    if (!wanted) return;
    this.drawn = wanted.window;
    plot.batch(() => {
      const series = this.looks.lines.map(({ column }) => wanted.columns.values[column] ?? []);
      plot.setData([wanted.columns.times, ...series], false);
      plot.setScale("x", { min: wanted.window.from, max: wanted.window.to });
    });
    if (this.held !== null) this.hold(this.held);
    else if (this.hovered) this.events.pointed(this.under());
  }

  /** Puts the cursor on a time without a pointer; null removes it. */
  hold(time: number | null): void {
    if (time === null && this.held === null) return;
    this.held = time;
    const left = time === null ? -10 : this.plot.valToPos(time, "x");
    this.plot.setCursor({ left, top: time === null ? -10 : 0 }, false);
  }

  /** Shows the selection of the keys. */
  mark(window: Window | null): void {
    const { plot } = this;
    // The pointer's selection uses the same rectangle.
    if (window === null && !this.marked) return;
    this.marked = window !== null;
    const left = window ? plot.valToPos(window.from, "x") : 0;
    const right = window ? plot.valToPos(window.to, "x") : 0;
    plot.setSelect({ left, top: 0, width: right - left, height: window ? plot.over.clientHeight : 0 }, false);
  }

  destroy(): void {
    this.watch.disconnect();
    this.look.disconnect();
    this.wanted = null;
    this.plot.destroy();
  }

  private resize(): void {
    const { width, height } = this.place.getBoundingClientRect();
    if (width > 0 && (width !== this.plot.width || height !== this.plot.height)) {
      this.plot.setSize({ width, height });
    }
  }

  private under(): number | null {
    const { idx } = this.plot.cursor;
    return typeof idx === "number" ? (this.plot.data[0][idx] ?? null) : null;
  }

  private follow(over: HTMLElement): void {
    over.addEventListener("mouseenter", () => {
      this.hovered = true;
    });
    // After uPlot's own listener, which was added first and has moved the cursor.
    over.addEventListener("mousemove", () => {
      this.held = null;
      this.events.pointed(this.under());
    });
    over.addEventListener("mouseleave", () => {
      this.hovered = false;
      this.events.pointed(null);
    });
    // A horizontal swipe moves the cursor, a vertical one scrolls the page.
    over.addEventListener("pointermove", event => {
      if (event.pointerType !== "touch") return;
      const box = over.getBoundingClientRect();
      const left = Math.min(box.width, Math.max(0, event.clientX - box.left));
      const time = this.plot.posToVal(left, "x");
      const at = this.plot.data[0][this.plot.valToIdx(time)];
      if (at !== undefined) this.events.pointed(at);
    });
  }

  private options(width: number, height: number): uPlot.Options {
    const { looks } = this;
    const scale = pageScale();
    const axis = (): Partial<uPlot.Axis> => ({
      stroke: () => this.colours.text,
      font: `${11 * scale}px ${getComputedStyle(this.place).fontFamily}`,
      grid: { stroke: () => this.colours.grid, width: 1 },
      ticks: { show: false },
      gap: 5 * scale,
    });
    return {
      width,
      height,
      ms: 1,
      legend: { show: false },
      padding: [8 * scale, 12 * scale, 0, 0],
      cursor: {
        y: false,
        drag: { x: true, y: false, setScale: false, dist: MIN_BRUSH },
        points: { size: 7, width: 1.5, fill: () => this.colours.card },
        sync: { key: "gpu", scales: ["x", null], filters: { pub: type => type === "mousemove" } },
        bind: { dblclick: () => () => this.doubleClicked() },
      } as uPlot.Cursor,
      scales: {
        x: { time: true, auto: false },
        y: { range: (_, lowest, highest) => this.reach(lowest, highest) },
      },
      axes: [
        {
          ...axis(),
          size: AXIS_HEIGHT * scale,
          space: 64 * scale,
          values: (plot, splits, __, ___, step) => withinChart(plot, splits, times(splits, step)),
        },
        {
          ...axis(),
          size: AXIS_WIDTH * scale,
          space: 30 * scale,
          ...(looks.unit === "binary" ? { incrs: POWERS } : {}),
          values: (_, splits) => splits.map(value => tick(value, looks.show)),
        },
      ],
      series: [{}, ...looks.lines.map((_, at) => this.series(at))],
      hooks: {
        drawAxes: [plot => this.drawLimit(plot)],
        setSelect: [plot => this.brushed(plot)],
      },
    };
  }

  private series(at: number): uPlot.Series {
    return {
      stroke: () => this.colours.lines[at] ?? this.colours.text,
      width: LINE_WIDTH * pageScale(),
      dash: DASHES[at] ?? [],
      ...(this.looks.lines.length === 1 ? { fill: () => this.colours.area } : {}),
      // A value between two gaps makes no line, so it gets a point.
      points: { show: false, size: 3, filter: (plot: uPlot, series: number) => alone(plot, series) },
    } as uPlot.Series;
  }

  /** Replaces uPlot's own handler, which would reset this chart alone. */
  private doubleClicked(): null {
    this.events.reset();
    return null;
  }

  private brushed(plot: uPlot): void {
    const { left, width } = plot.select;
    if (width === 0) return;
    // Whole milliseconds, since the axis' hours are counted from there.
    const [from, to] = [left, left + width].map(at => Math.round(plot.posToVal(at, "x"))) as [number, number];
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.events.brushed({ from, to });
  }

  /** Range of the vertical axis. */
  private reach(lowest: number | null, highest: number | null): uPlot.Range.MinMax {
    const { low, high, least, limit } = this.looks;
    const from = Math.min(low, lowest ?? low);
    const most = Math.max(highest ?? 0, high ?? 0, limit === null ? 0 : limit * 1.04);
    if (high !== null && most <= high) return [from, high];
    if (most < from + least) return [from, from + least];
    return [from, limit !== null && most <= limit * 1.04 ? most : from + (most - from) * 1.08];
  }

  private drawLimit(plot: uPlot): void {
    const { limit } = this.looks;
    if (limit === null) return;
    const { ctx, bbox } = plot;
    const y = Math.round(plot.valToPos(limit, "y", true));
    ctx.save();
    ctx.strokeStyle = this.colours.limit;
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.restore();
  }
}

/** Steps of an axis of bytes, from a MiB up. */
const POWERS = Array.from({ length: 32 }, (_, power) => 2 ** (20 + power));

const tick = (value: number, show: (value: number) => string): string =>
  value === 0 ? "0" : show(value).replace(/\.0(?=\D)/, "");

const SECONDS_BELOW = 60_000;

/** Labels of the time axis: seconds only for steps below a minute; the date at midnight. */
function times(splits: number[], step: number): string[] {
  return splits.map(at => {
    if (hourAndMinute(at) === "00:00" && step >= SECONDS_BELOW) return dayAndMonth(at);
    return step < SECONDS_BELOW ? clock(at) : hourAndMinute(at);
  });
}

/** Size of the page: a rem is ten pixels, and more on a large screen. */
const pageScale = (): number => Number.parseFloat(getComputedStyle(document.documentElement).fontSize) / 10;

/** Labels that end before the chart does; uPlot would draw the last one beyond its edge. */
function withinChart(plot: uPlot, splits: readonly number[], labels: string[]): (string | null)[] {
  return labels.map((label, at) => {
    const half = plot.ctx.measureText(label).width / devicePixelRatio / 2;
    const x = plot.valToPos(splits[at] ?? 0, "x") + plot.bbox.left / devicePixelRatio;
    return x + half <= plot.width ? label : null;
  });
}

/** Values with a gap on either side; null if there are none. */
function alone(plot: uPlot, series: number): number[] | null {
  const values = plot.data[series] ?? [];
  const found: number[] = [];
  for (let index = 0; index < values.length; index += 1) {
    if (values[index] != null && values[index - 1] == null && values[index + 1] == null) found.push(index);
  }
  return found.length > 0 ? found : null;
}
