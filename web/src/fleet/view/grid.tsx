import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { count } from "../../model/format";
import { gpuCount, severityOf } from "../model/host";
import { Cells, describeCell } from "./cells";
import { hostAddress, TroubleMark } from "./columns";
import { selectable } from "./keys";
import { type Item, items } from "./state";
import { useSummary } from "./summary";
import { useRequested } from "./table";
import { rem, useWindow } from "./window";

/** Sizes of tiles in rem; `fleet.css` has the same. */
const TILE = 17;
const ROW = 6;
const GROUP = 4;

type Line = { key: string; names: string[]; group: Extract<Item, { kind: "group" }> | null };

/** Hosts as tiles; lines off screen are not rendered. */
export function Grid() {
  const place = useRef<HTMLDivElement>(null);
  const columns = useColumns(place);
  const all = items.value;
  const lines = useMemo(() => linesOf(all, columns), [all, columns]);
  const kinds = lines.map(({ group }) => (group ? "g" : "h")).join("");
  const heights = useMemo(() => [...kinds].map(kind => rem() * (kind === "h" ? ROW : GROUP)), [kinds]);
  const windowed = useWindow(place, heights);
  const names = (from: number, to: number) => lines.slice(from, to).flatMap(({ names }) => names);
  const rendered = names(windowed.from, windowed.to);
  useRequested(
    rendered.map(name => ({ kind: "host", key: name, name })),
    {
      ...windowed,
      from: 0,
      to: rendered.length,
      onScreen: {
        from: names(windowed.from, windowed.onScreen.from).length,
        to: names(windowed.from, windowed.onScreen.to).length,
      },
    },
  );
  const lineOf = useMemo(
    () =>
      new Map<string, number>(
        lines.flatMap(({ names }, at) => names.map((name): [string, number] => [`host ${name}`, at])),
      ),
    [lines],
  );
  useEffect(() => {
    const hosts = all.filter(({ kind }) => kind === "host");
    return selectable(hosts, index => windowed.show(lineOf.get(hosts[index]?.key ?? "") ?? 0));
  }, [all, lineOf]);
  return (
    <div
      class="fleet-grid"
      ref={place}
      onPointerOver={describeCell}
      style={{ "--height": `${windowed.height}px`, "--top": `${windowed.top}px`, "--count": columns }}
    >
      {lines.slice(windowed.from, windowed.to).map(({ key, names, group }) =>
        group ? (
          <h3 key={key}>
            {group.value ?? "without the label"} <span class="fine">{count(group.names.length)}</span>
          </h3>
        ) : (
          <ul key={key}>
            {names.map(name => (
              <Tile key={name} name={name} />
            ))}
          </ul>
        ),
      )}
    </div>
  );
}

function Tile({ name }: { name: string }) {
  const live = useSummary(name);
  if (!live) return null;
  const host = live.peek();
  const { state, counts } = host;
  return (
    <li class="tile" data-key={`host ${name}`} data-host={name} data-severity={severityOf(host) ?? "none"}>
      <div class="name">
        <a href={hostAddress(name)} data-item>
          {name}
        </a>
        <TroubleMark host={host} />
        {state === "ok" ? (
          <span class="free" data-status={counts.gpus.free > 0 ? "free" : "none"}>
            <b>{counts.gpus.free}</b>/{gpuCount(counts.gpus)}
          </span>
        ) : (
          <span class="fine">{state}</span>
        )}
      </div>
      <Cells host={live} />
    </li>
  );
}

/** Lines of tiles; a group begins a line. */
function linesOf(items: readonly Item[], columns: number): Line[] {
  const lines: Line[] = [];
  for (const item of items) {
    const last = lines.at(-1);
    if (item.kind === "group") lines.push({ key: item.key, names: [], group: item });
    else if (last && !last.group && last.names.length < columns) last.names.push(item.name);
    else lines.push({ key: item.key, names: [item.name], group: null });
  }
  return lines;
}

/** Number of tiles beside each other. */
function useColumns(place: { current: HTMLElement | null }): number {
  const [columns, setColumns] = useState(1);
  useEffect(() => {
    const follow = () => {
      const width = place.current?.clientWidth ?? 0;
      setColumns(Math.max(1, Math.floor(width / (TILE * rem()))));
    };
    follow();
    addEventListener("resize", follow);
    return () => removeEventListener("resize", follow);
  }, []);
  return columns;
}
