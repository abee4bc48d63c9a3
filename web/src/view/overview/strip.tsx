import { useEffect } from "preact/hooks";
import type { Gpu } from "../../api/types";
import { format } from "../../browser/route";
import { Swatch } from "../../components/bar";
import { memo } from "../../components/memo";
import { followLastDay, type Held, lastDay } from "../../live/holders";
import { colours } from "../../live/store";
import { duration } from "../../model/format";
import { colourKeys } from "../../model/holders";
import { holders, pathsOf, rowOfGpu, WIDTH } from "../../model/timeline";
import { presentOwners } from "../usage/owners";

/** Holders of a GPU over the last day: a thin line on its card; with `whole`, also their names and times. */
export function HolderStrip({ gpu: { uuid, index }, whole }: { gpu: Gpu; whole: boolean }) {
  useEffect(followLastDay, []);
  const day = lastDay.value;
  if (!day) return null;
  return <Strip {...day} uuid={uuid} index={index} whole={whole} colours={present()} />;
}

/** Colours by label as one text, so that equal ones are recognised as equal. */
function present(): string {
  const owners = presentOwners();
  return owners.length === 0
    ? ""
    : [...new Set(owners.map(({ key }) => `${key}${colours.of(key)}`))].sort().join();
}

interface Props {
  sessions: readonly Held[];
  from: number;
  to: number;
  uuid: string | null;
  index: number;
  whole: boolean;
  /** Changes when colours do. */
  colours: string;
}

/** Holders named on a card. */
const MAX_NAMES = 4;

const Strip = memo(({ sessions, from, to, uuid, index, whole }: Props) => {
  const span = { from, to };
  const row = rowOfGpu(sessions, uuid, index);
  const found = holders(row.sessions, span);
  const { of } = colourKeys(presentOwners());
  const keyOf = (user: string | null) => (user === null ? "" : of(user));
  const named = found.map(({ user, ms }) => `${user ?? "no name"} ${duration(ms)}`);
  const few = named.slice(0, MAX_NAMES).join(", ") || "nobody";
  const text = `Last 24 hours: ${few}${named.length > MAX_NAMES ? " and others" : ""}`;
  const picture = (
    <svg
      class="holders"
      viewBox={`0 0 ${WIDTH} ${row.height}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={text}
      data-tooltip={text}
    >
      {pathsOf(row, span).map(({ user, path }) => (
        <path key={user} d={path} data-colour={user === null ? undefined : colours.of(keyOf(user))} />
      ))}
    </svg>
  );
  if (!whole) return picture;
  return (
    <section class="last-day" aria-label="Holders of the last 24 hours">
      <p>
        <span>Last 24 hours</span>
        <a href={format({ view: "usage", query: { range: "day", ...(uuid === null ? {} : { gpu: uuid }) } })}>
          Usage
        </a>
      </p>
      {picture}
      <ul>
        {found.slice(0, 2 * MAX_NAMES).map(({ user, ms }) => (
          <li key={user}>
            <Swatch of={keyOf(user)} /> {user ?? "no name"} <small>{duration(ms)}</small>
          </li>
        ))}
        {found.length === 0 && <li>nobody</li>}
      </ul>
    </section>
  );
});
