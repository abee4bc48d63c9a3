import type { CellStatus } from "../model/host";
import { CELL_WORDS } from "./cells";

const SHOWN: readonly CellStatus[] = [
  "free",
  "held",
  "busy",
  "trouble",
  "unknown",
  "stale",
  "lost",
  "asleep",
];

/** Meaning of the cells. */
export function Legend() {
  return (
    <ul class="legend fine" aria-label="Marks">
      {SHOWN.map(status => (
        <li key={status}>
          <i
            class="cell"
            data-status={status}
            data-level={status === "busy" ? 3 : undefined}
            aria-hidden="true"
          />
          {CELL_WORDS[status]}
        </li>
      ))}
    </ul>
  );
}
