import type { Gpu } from "../../api/types";
import { memo } from "../../components/memo";
import { Meter } from "../../components/meter";
import { Absent } from "../../components/value";
import type { Absence } from "../../model/absence";
import { count } from "../../model/format";
import { type Tile, tilesOf } from "../../model/tiles";
import { describe } from "../parts";

export function Tiles({ gpu }: { gpu: Gpu }) {
  return (
    <ul class="tiles">
      {tilesOf(gpu, describe.value).map(tile => (
        <Item key={tile.key} id={tile.key} {...shownOf(tile)} />
      ))}
    </ul>
  );
}

/** Visible parts of a tile, rounded as shown, so that an invisible change renders nothing. */
interface ItemProps {
  id: string;
  name: string;
  about: string;
  why: Absence | null;
  /** Its value; empty if absent. */
  text: string;
  unit: string;
  label: string;
  part: number | null;
  high: boolean;
}

/** Resolution of a meter. */
const STEPS = 200;

function shownOf({ name, about, of, unit, show = count, label, part, high = false }: Tile) {
  const rounded = of.why || part === null ? null : Math.round(part * STEPS) / STEPS;
  return {
    name,
    about,
    why: of.why ?? null,
    text: of.why ? "" : show(of.value),
    unit,
    label,
    part: rounded,
    high,
  };
}

const Item = memo(({ id, name, about, why, text, unit, label, part, high }: ItemProps) => (
  <li data-tile={id} data-tooltip={why ? undefined : about} class={high ? "high" : undefined}>
    <p>
      {why ? (
        <Absent why={why} what={name} />
      ) : (
        <>
          <span class="unseen">{name} </span>
          <b>{text}</b>
          <small>{unit}</small>
        </>
      )}
    </p>
    <Meter of={part} high={high} />
    <small class="label">{label}</small>
  </li>
));
