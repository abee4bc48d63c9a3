/** View box of a sparkline. */
export const WIDTH = 288;
export const HEIGHT = 48;

/** Paths of a line with its gaps, and of the area under it. */
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
      // A single value is a dot.
      line += from === to ? `${run}h.01` : run;
      area += `${run}V${HEIGHT}H${x(from)}Z`;
      run = "";
    }
  });
  return { line, area };
}
