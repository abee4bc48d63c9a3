import type { Gpu } from "../../api/types";
import { Meter } from "../../components/bar";
import { memo } from "../../components/memo";
import { Absent } from "../../components/value";
import type { Absence } from "../../model/absence";
import { count } from "../../model/format";
import { type Tile, tilesOf } from "../../model/tiles";

export function Tiles({ gpu }: { gpu: Gpu }) {
  return (
    <ul class="tiles">
      {tilesOf(gpu).map(tile => (
        <Item key={tile.key} name={tile.key} {...shownOf(tile)} />
      ))}
    </ul>
  );
}

/** What is seen of a tile. */
interface ItemProps {
  name: string;
  what: string;
  limit: string | undefined;
  why: Absence | null;
  /** Its value; empty where there is none. */
  text: string;
  unit: string;
  label: string;
  part: number | null;
  high: boolean;
}

/** So finely a meter is drawn. */
const STEPS = 200;

function shownOf({ what, limit, of, unit, show = count, label, part, high = false }: Tile) {
  const drawn = of.why || part === null ? null : Math.round(part * STEPS) / STEPS;
  return {
    what,
    limit,
    why: of.why ?? null,
    text: of.why ? "" : show(of.value),
    unit,
    label,
    part: drawn,
    high,
  };
}

const Item = memo(({ name, what, limit, why, text, unit, label, part, high }: ItemProps) => {
  const tooltip = why ? undefined : [what, limit].filter(Boolean).join("; ");
  return (
    <li data-tile={name} data-tooltip={tooltip} class={high ? "high" : undefined}>
      <p>
        {why ? (
          <Absent why={why} what={what} />
        ) : (
          <>
            <span class="unseen">{what} </span>
            <b>{text}</b>
            <small>{unit}</small>
          </>
        )}
      </p>
      <Meter of={part} high={high} />
      <small class="label">{label}</small>
    </li>
  );
});
