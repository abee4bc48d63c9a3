import { drawn, trendOf } from "../live/trends";
import { HEIGHT, paths, WIDTH } from "./paths";

/** Sparkline of a GPU's utilization in the last 15 minutes. The number beside it is the current value. */
export function Spark({ uuid, index }: { uuid: string | null; index: number }) {
  void drawn.value;
  const values = trendOf(uuid)?.values() ?? [];
  const { line, area } = paths(values);
  return (
    <svg
      class="spark"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={`GPU ${index}: ${describe(values)}`}
    >
      <path class="grid" d={`M0 .5H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}M0 ${HEIGHT - 0.5}H${WIDTH}`} />
      <path class="area" d={area} />
      <path class="line" d={line} />
    </svg>
  );
}

function describe(values: readonly (number | null)[]): string {
  const known = values.filter(value => value !== null);
  if (known.length === 0) return "no utilization data for the last 15 minutes";
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  return `utilization over the last 15 minutes, ${Math.round(mean)} % on average, ${Math.round(Math.max(...known))} % at most`;
}
