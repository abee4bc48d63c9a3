/** Recent means of one metric, in steps of equal length; a step without a reading is a gap. */
export class Trend {
  private readonly sums: Float64Array;
  private readonly counts: Float64Array;
  /** The step of `sums[newest % length]`. */
  private newest = -1;
  /** Time of the newest reading. */
  private lastAt: number | null = null;

  constructor(
    readonly stepMs: number,
    readonly length: number,
  ) {
    this.sums = new Float64Array(length);
    this.counts = new Float64Array(length);
  }

  /**
   * Adds a reading: a value, or null for none. It counts for the time since the reading before, if that was at most
   * `bridge` ago. A reading older than the one before means that the clock was set back: the buffer is then cleared.
   */
  add(at: number, value: number | null, bridge: number): void {
    const before = this.lastAt;
    this.lastAt = at;
    if (before !== null && at < before) this.clear();
    const step = Math.floor(at / this.stepMs);
    const isNext = before !== null && at >= before && at - before <= bridge;
    for (let passed = isNext ? Math.floor(before / this.stepMs) + 1 : step; passed < step; passed += 1) {
      this.put(passed, value);
    }
    this.put(step, value);
  }

  private clear(): void {
    this.newest = -1;
    this.counts.fill(0);
    this.sums.fill(0);
  }

  /** Adds to a step; steps older than the buffer are ignored. */
  private put(step: number, value: number | null): void {
    if (step > this.newest) this.advance(step);
    else if (step <= this.newest - this.length) return;
    if (value === null) return;
    const place = step % this.length;
    this.sums[place] = (this.sums[place] ?? 0) + value;
    this.counts[place] = (this.counts[place] ?? 0) + 1;
  }

  private advance(step: number): void {
    for (let next = Math.max(this.newest + 1, step - this.length + 1); next <= step; next += 1) {
      this.sums[next % this.length] = 0;
      this.counts[next % this.length] = 0;
    }
    this.newest = step;
  }

  /** Changes when a step begins. */
  get step(): number {
    return this.newest;
  }

  /** Means, the oldest first; null for a gap. */
  values(): (number | null)[] {
    return Array.from({ length: this.length }, (_, back) => {
      const step = this.newest - this.length + 1 + back;
      const place = step % this.length;
      const count = step < 0 ? 0 : (this.counts[place] ?? 0);
      return count === 0 ? null : (this.sums[place] ?? 0) / count;
    });
  }

  /** Fills gaps from the agent's history. `values` begin at `startAt`. */
  seed(startAt: number, stepMs: number, values: readonly (number | null)[]): void {
    const seen = new Set<number>();
    for (let step = Math.max(0, this.newest - this.length + 1); step <= this.newest; step += 1) {
      if ((this.counts[step % this.length] ?? 0) > 0) seen.add(step);
    }
    values.forEach((value, index) => {
      const at = startAt + index * stepMs;
      // A value covers the time until the next one, which need not begin where our steps do.
      const last = Math.floor((at + stepMs - 1) / this.stepMs);
      for (let step = Math.floor(at / this.stepMs); step <= last; step += 1) {
        if (!seen.has(step)) this.put(step, value);
      }
    });
  }
}
