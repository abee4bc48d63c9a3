import { drawn, trendOf } from "../live/trends";

const WIDTH = 288;
const HEIGHT = 48;

/** The last quarter of an hour of a GPU's utilization. The number beside it says the present. */
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
      aria-label={`GPU ${index}: ${inWords(values)}`}
    >
      <path class="grid" d={`M0 .5H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}M0 ${HEIGHT - 0.5}H${WIDTH}`} />
      <path class="area" d={area} />
      <path class="line" d={line} />
    </svg>
  );
}

/** A line with its gaps, and the area under it. */
export function paths(values: readonly (number | null)[]): { line: string; area: string } {
  const x = (index: number) => ((index + 0.5) * (WIDTH / values.length)).toFixed(1);
  const y = (value: number) =>
    (HEIGHT - 1 - (Math.min(100, Math.max(0, value)) / 100) * (HEIGHT - 2)).toFixed(1);
  let line = "";
  let area = "";
  let run = "";
  let from = 0;
  values.forEach((value, index) => {
    if (value !== null) {
      if (run === "") from = index;
      run += `${run === "" ? "M" : "L"}${x(index)} ${y(value)}`;
    }
    if (run !== "" && (value === null || index === values.length - 1)) {
      const to = value === null ? index - 1 : index;
      // One value alone is a dot.
      line += from === to ? `${run}h.01` : run;
      area += `${run}V${HEIGHT}H${x(from)}Z`;
      run = "";
    }
  });
  return { line, area };
}

function inWords(values: readonly (number | null)[]): string {
  const known = values.filter(value => value !== null);
  if (known.length === 0) return "no utilization known of the last 15 minutes";
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  return `utilization over the last 15 minutes, ${Math.round(mean)} % on average, ${Math.round(Math.max(...known))} % at most`;
}
