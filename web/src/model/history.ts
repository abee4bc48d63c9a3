import type { History } from "../api/types";

/** Data of charts: one time per step and, for each metric, a value or a gap. */
export interface Columns {
  /** Start of each step, in milliseconds. */
  times: number[];
  /** By metric, then by step. */
  values: (number | null)[][];
}

/**
 * Ring buffer of several metrics of one GPU, in steps of equal length: the agent's history, then what snapshots
 * bring. A step without a reading is a gap.
 */
export class HistoryBuffer {
  private readonly sums: Float64Array[];
  private readonly counts: Float64Array[];
  /** Newest step, counted from `anchor`. */
  private newest = Number.NEGATIVE_INFINITY;
  private oldest = Number.NEGATIVE_INFINITY;
  private lastAt: number | null = null;

  /**
   * @param anchor Start of any step. The agent's steps do not begin at whole seconds.
   * @param bridge Longest pause between two readings that is not a gap: a reading counts for the time since the one
   * before it.
   */
  constructor(
    readonly metrics: readonly string[],
    readonly stepMs: number,
    readonly steps: number,
    private readonly anchor: number,
    private readonly bridge: number,
  ) {
    this.sums = metrics.map(() => new Float64Array(steps));
    this.counts = metrics.map(() => new Float64Array(steps));
  }

  private step(at: number): number {
    return Math.floor((at - this.anchor) / this.stepMs);
  }

  private place(step: number): number {
    return ((step % this.steps) + this.steps) % this.steps;
  }

  /** Time of the newest reading that was added. */
  get seenAt(): number | null {
    return this.lastAt;
  }

  /** Changes when a step begins. */
  get newestStep(): number {
    return this.newest;
  }

  /** Adds a reading, with values in the order of the metrics. A reading older than the buffer is dropped. */
  add(at: number, values: readonly (number | null)[]): void {
    const step = this.step(at);
    this.reach(step);
    if (step <= this.newest - this.steps) return;
    const before = this.lastAt;
    this.lastAt = at;
    const passed =
      before !== null && at > before && at - before <= this.bridge ? this.step(before) + 1 : step;
    values.forEach((value, which) => {
      if (value === null) return;
      for (let back = passed; back < step; back += 1) {
        if (this.count(which, back) === 0) this.set(which, back, value, 1);
      }
      this.set(which, step, this.sum(which, step) + value, this.count(which, step) + 1);
    });
  }

  /**
   * Merges the agent's history, in steps of its own. Its values replace ours, since it reads more often than it
   * sends; where it has none, ours stay, since a restarted agent forgets.
   */
  merge(uuid: string, history: History): void {
    for (const series of history.series) {
      const which = this.metrics.indexOf(series.metric);
      if (which < 0 || series.gpu_uuid !== uuid) continue;
      let known = Number.NEGATIVE_INFINITY;
      series.values.forEach((value, index) => {
        // By the middle of its step, since the steps of the two clocks may differ a little.
        const step = this.step(history.start_at + (index + 0.5) * history.step_ms);
        this.reach(step);
        if (value === null || step <= this.newest - this.steps) return;
        const first = step !== known;
        known = step;
        this.set(
          which,
          step,
          first ? value : this.sum(which, step) + value,
          first ? 1 : this.count(which, step) + 1,
        );
      });
    }
  }

  /** Extends the buffer to a step. */
  private reach(step: number): void {
    if (step <= this.newest) {
      // A late reading may be older than the first one.
      this.oldest = Math.max(Math.min(this.oldest, step), this.newest - this.steps + 1);
      return;
    }
    const fresh = Math.max(this.newest + 1, step - this.steps + 1);
    for (let next = fresh; next <= step; next += 1) {
      for (const counts of this.counts) counts[this.place(next)] = 0;
      for (const sums of this.sums) sums[this.place(next)] = 0;
    }
    if (this.newest === Number.NEGATIVE_INFINITY) this.oldest = step;
    this.newest = step;
    this.oldest = Math.max(this.oldest, step - this.steps + 1);
  }

  private count(which: number, step: number): number {
    return this.counts[which]?.[this.place(step)] ?? 0;
  }

  private sum(which: number, step: number): number {
    return this.sums[which]?.[this.place(step)] ?? 0;
  }

  private set(which: number, step: number, sum: number, count: number): void {
    if (step <= this.newest - this.steps) return;
    const [sums, counts] = [this.sums[which], this.counts[which]];
    if (!sums || !counts) return;
    sums[this.place(step)] = sum;
    counts[this.place(step)] = count;
  }

  /** Means of all steps, the oldest first. */
  columns(): Columns {
    const steps = this.newest === Number.NEGATIVE_INFINITY ? 0 : this.newest - this.oldest + 1;
    const times = Array.from(
      { length: steps },
      (_, index) => this.anchor + (this.oldest + index) * this.stepMs,
    );
    return { times, values: this.metrics.map((_, which) => this.means(which, steps)) };
  }

  // Called each second for each metric and step, hence written for speed.
  private means(which: number, steps: number): (number | null)[] {
    const means = new Array<number | null>(steps).fill(null);
    const [sums, counts] = [this.sums[which], this.counts[which]];
    if (!sums || !counts || steps === 0) return means;
    let place = this.place(this.oldest);
    for (let index = 0; index < steps; index += 1) {
      const count = counts[place] ?? 0;
      if (count > 0) means[index] = (sums[place] ?? 0) / count;
      place = place + 1 === this.steps ? 0 : place + 1;
    }
    return means;
  }
}
