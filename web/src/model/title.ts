/** What a tab is called: what people come to see first, then whose it is, then what of it. */
export function titleOf({
  free,
  stands,
  host,
  view,
}: {
  /** How many GPUs are free now. */
  free: number;
  /** Why that is not known; null where it is. */
  stands: string | null;
  host: string;
  /** The view's name; null for the overview. */
  view: string | null;
}): string {
  return [stands ?? `${free} free`, host, view].filter(part => part !== null).join(" · ");
}
