/** Title of the tab: free GPUs first, then the host, then the view. */
export function titleOf({
  free,
  problem,
  host,
  view,
}: {
  /** Number of free GPUs. */
  free: number;
  /** Reason why that is unknown; null if it is known. */
  problem: string | null;
  host: string;
  /** Name of the view; null for the overview. */
  view: string | null;
}): string {
  return [problem ?? `${free} free`, host, view].filter(part => part !== null).join(" · ");
}
