import type { Gpu } from "../../api/types";
import { count } from "../../model/format";
import { type Tile, tilesOf } from "../../model/tiles";
import { Meter } from "../../part/bar";
import { Value } from "../../part/value";

export function Tiles({ gpu }: { gpu: Gpu }) {
  return (
    <ul class="tiles">
      {tilesOf(gpu).map(tile => (
        <Item key={tile.key} tile={tile} />
      ))}
    </ul>
  );
}

function Item({ tile }: { tile: Tile }) {
  const { key, what, of, unit, show = count, label, part, high = false } = tile;
  const tip = of.why ? undefined : [what, tile.limit].filter(Boolean).join("; ");
  return (
    <li data-tile={key} data-tip={tip} class={high ? "high" : undefined}>
      <p>
        {!of.why && <span class="unseen">{what} </span>}
        <Value
          of={of}
          what={what}
          show={value => (
            <>
              <b>{show(value)}</b>
              <small>{unit}</small>
            </>
          )}
        />
      </p>
      <Meter of={of.why ? null : part} high={high} />
      <small class="label">{label}</small>
    </li>
  );
}
