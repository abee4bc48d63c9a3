import type { MigCounts } from "./mig";

/** Severity that the tab's icon shows. */
export type TabSeverity = "ok" | "warning" | "critical";

/** Title of the tab: trouble first, then what is free, the host and the view. */
export function titleOf({
  free,
  mig,
  trouble,
  problem,
  host,
  view,
}: {
  /** Number of free GPUs. */
  free: number;
  /** MIG instances by use; null without any. */
  mig: MigCounts | null;
  /** Number of GPUs in trouble. */
  trouble: number;
  /** Reason why these are unknown; null if they are known. */
  problem: string | null;
  host: string;
  /** Name of the view; null for the overview. */
  view: string | null;
}): string {
  const counts = [trouble > 0 ? `${trouble} in trouble` : null, freeText(free, mig)];
  return [...(problem === null ? counts : [problem]), host, view].filter(part => part !== null).join(" · ");
}

/** `2 free`, or with MIG instances `0 GPUs, 1 MIG free`. */
export const freeText = (free: number, mig: MigCounts | null): string =>
  mig === null ? `${free} free` : `${free} ${free === 1 ? "GPU" : "GPUs"}, ${mig.free} MIG free`;

/** Icon of the tab as a URL: blue bars, or an exclamation mark on orange or red. */
export function tabIcon(severity: TabSeverity): string {
  const [colour, path] =
    severity === "ok"
      ? ["2f6fed", "M4 12V8M8 12V4M12 12V6.5"]
      : [severity === "critical" ? "c4281f" : "b45f06", "M8 3.5v5M8 12v.1"];
  const stroke = severity === "ok" ? 2 : 2.6;
  const shapes = `<rect width='16' height='16' rx='4' fill='#${colour}'/><path d='${path}' stroke='#fff' stroke-width='${stroke}' stroke-linecap='round'/>`;
  const svg = `<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'>${shapes}</svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}
