/** The colours of a canvas, which knows no style sheet: read from it, and anew when it changes. */
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
  // A variable's own text may be `light-dark(…)`; as a colour of an element it is one colour.
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
