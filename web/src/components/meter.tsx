/** Share of a limit as a meter; empty without a limit. */
export function Meter({ of, high = false }: { of: number | null; high?: boolean }) {
  if (of === null) return <div class="meter none" />;
  const part = Math.min(1, Math.max(0, of));
  return <div class={high ? "meter high" : "meter"} style={{ "--of": part }} />;
}
