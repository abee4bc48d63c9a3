/** Colours for a canvas, which style sheets do not reach: read from computed styles, again after a change. */
export interface CanvasColours {
  text: string;
  grid: string;
  card: string;
  limit: string;
  area: string;
  lines: string[];
}

const LINES = ["--series-0", "--series-1", "--series-2", "--series-3"];

export function canvasColours(place: HTMLElement): CanvasColours {
  const probe = document.createElement("i");
  probe.hidden = true;
  place.append(probe);
  // The text of a custom property may be `light-dark(…)`; as an element's colour it is resolved.
  const ink = (colour: string): string => {
    probe.style.color = colour;
    return getComputedStyle(probe).color;
  };
  const read: CanvasColours = {
    text: ink("var(--soft)"),
    grid: ink("color-mix(in srgb, var(--line) 70%, transparent)"),
    card: ink("var(--card)"),
    limit: ink("var(--crit)"),
    area: ink("color-mix(in srgb, var(--series-0) 14%, transparent)"),
    lines: LINES.map(name => ink(`var(${name})`)),
  };
  probe.remove();
  return read;
}
