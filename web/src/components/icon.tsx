/** Inline paths, which need no font and look the same everywhere. Each is 16 by 16. */
const PATHS = {
  pause: "M5.5 3.5v9M10.5 3.5v9",
  play: "M5 3.2 12.5 8 5 12.8Z",
  sliders: "M2.5 5h7M12.5 5h1M2.5 11h1M6.5 11h7M11 3.5v3M5 9.5v3",
  copy: "M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8Z",
  check: "M3 8.5 6.5 12 13 4.5",
  columns: "M2.5 3h11v10h-11ZM6.2 3v10M9.8 3v10",
  download: "M8 2.5v7.5M4.8 7 8 10.2 11.2 7M3 13.5h10",
  down: "M4.5 6.5 8 10l3.5-3.5",
  up: "M4.5 9.5 8 6l3.5 3.5",
  right: "M6.5 4.5 10 8l-3.5 3.5",
  left: "M9.5 4.5 6 8l3.5 3.5",
  close: "M4 4l8 8M12 4l-8 8",
  away: "M6 4H3.5v8.5H12V10M8.5 3H13v4.5M13 3 7.5 8.5",
  key: "M6.2 9.8a3.2 3.2 0 1 1 0-4.6 3.2 3.2 0 0 1 0 4.6ZM7 7.5h7v2.5M11.5 7.5v2",
  search: "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9ZM10.5 10.5l3 3",
  warning: "M8 2.5 14.2 13.3H1.8ZM8 6.5v3.2M8 11.4v.2",
  critical: "M5.3 1.8h5.4l3.5 3.5v5.4l-3.5 3.5H5.3l-3.5-3.5V5.3ZM8 4.8v4M8 11v.2",
  info: "M8 14a6 6 0 1 0 0-12 6 6 0 0 0 0 12ZM8 7.2v3.6M8 5v.2",
  // Status of a GPU.
  trouble: "M8 2.5 14.2 13.3H1.8ZM8 6.5v3.2M8 11.4v.2",
  free: "M8 13a5 5 0 1 0 0-10 5 5 0 0 0 0 10Z",
  busy: "M4.5 3v10l8-5Z",
  held: "M5 3v10M11 3v10",
  lost: "M4 4l8 8M12 4l-8 8",
  stale: "M8 2.5v5.5l3.5 2M8 14a6 6 0 1 0 0-12 6 6 0 0 0 0 12Z",
  asleep: "M12.8 9.8A5.5 5.5 0 1 1 6.2 3.2a4.5 4.5 0 0 0 6.6 6.6Z",
  denied: "M4 7.5h8v6H4ZM5.8 7.5V5a2.2 2.2 0 0 1 4.4 0v2.5",
  error: "M8 3v6M8 12v.3",
  unknown: "M5.8 6a2.3 2.3 0 1 1 3.2 2.1c-.6.3-1 .8-1 1.6M8 12.3v.2",
} as const;

export type IconName = keyof typeof PATHS;

const FILLED: ReadonlySet<IconName> = new Set(["play", "busy"]);

/** Decorative icon: the text beside it has the meaning. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[name]} class={FILLED.has(name) ? "filled" : undefined} />
    </svg>
  );
}
