/** Share of a limit in whole percent: finer steps could not be seen, and each change costs a repaint. */
const meterStep = (of: number): number => Math.round(Math.min(1, Math.max(0, of)) * 100);

/** Share of a limit as a meter; empty without a limit. */
export function Meter({ of, high = false }: { of: number | null; high?: boolean }) {
  if (of === null) return <div class="meter none" />;
  return <div class={high ? "meter high" : "meter"} style={{ backgroundSize: `${meterStep(of)}% 100%` }} />;
}
