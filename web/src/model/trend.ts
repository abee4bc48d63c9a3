/** The last while of one number, in steps of equal length; what was not seen is a gap. */
export class Trend {
  private readonly sums: Float64Array;
  private readonly counts: Float64Array;
  /** The step that `sums[newest % length]` is of. */
  private newest = -1;
  /** When something was seen last. */
  private lastAt: number | null = null;

  constructor(
    readonly stepMs: number,
    readonly length: number,
  ) {
    this.sums = new Float64Array(length);
    this.counts = new Float64Array(length);
  }

  /**
   * Takes in what is seen: a value, or that there was none. It stands for the time since what was seen before it, if that
   * was no longer ago than `bridge`. What is older than what was seen before is of a clock that was set back: then all
   * that is kept is of another time.
   */
  see(at: number, value: number | null, bridge: number): void {
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

  /** What is older than all that is kept changes nothing. */
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

  /** The means, the oldest first, the newest at the end; null for a gap. */
  values(): (number | null)[] {
    return Array.from({ length: this.length }, (_, back) => {
      const step = this.newest - this.length + 1 + back;
      const place = step % this.length;
      const count = step < 0 ? 0 : (this.counts[place] ?? 0);
      return count === 0 ? null : (this.sums[place] ?? 0) / count;
    });
  }

  /** Takes in what the agent remembers, where nothing was seen. `values` begin at `startAt`. */
  seed(startAt: number, stepMs: number, values: readonly (number | null)[]): void {
    const seen = new Set<number>();
    for (let step = Math.max(0, this.newest - this.length + 1); step <= this.newest; step += 1) {
      if ((this.counts[step % this.length] ?? 0) > 0) seen.add(step);
    }
    values.forEach((value, index) => {
      const at = startAt + index * stepMs;
      // It is of all the time until the next, which need not begin where our steps do.
      const last = Math.floor((at + stepMs - 1) / this.stepMs);
      for (let step = Math.floor(at / this.stepMs); step <= last; step += 1) {
        if (!seen.has(step)) this.put(step, value);
      }
    });
  }
}
