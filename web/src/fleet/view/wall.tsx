import { computed } from "@preact/signals";
import "../../style/wall.css";
import "../style/wall.css";
import { useEffect, useState } from "preact/hooks";
import { Icon } from "../../components/icon";
import { count, hourAndMinute, joined, ofTotal, power } from "../../model/format";
import { columnsFor } from "../../model/wall";
import { allNames, hosts, hubNow, isOld, now, totals } from "../live/store";
import { unchanging } from "../live/unchanging";
import { gpuCount, severityOf } from "../model/host";
import { compareText } from "../model/order";
import { Banners } from "./banners";
import { Cells, CountBar, countText } from "./cells";
import { TroubleMark } from "./columns";
import { zone } from "./footer";
import { Status } from "./header";
import { useSummary } from "./summary";
import { WatchBanner } from "./watch";

/** Hosts up to which each has its cells; above, a bar is all that can be seen. */
const MAX_WITH_CELLS = 50;

/** All hosts on one screen, without controls: totals, what is wrong, and a tile per host in the order of names. */
export function Wall() {
  const { width, height } = useWindowSize();
  useEffect(() => {
    const { classList } = document.documentElement;
    classList.add("on-wall");
    return () => classList.remove("on-wall");
  }, []);
  const all = names.value;
  return (
    <main id="main" class={isOld.value ? "fleet-wall old" : "fleet-wall"} tabIndex={-1}>
      <a class="skip" href="#/">
        Leave the wall
      </a>
      <Top />
      <Banners />
      <WatchBanner />
      <Wrong />
      <ul
        class="wall-hosts"
        aria-label="Hosts"
        style={{ "--columns": columnsFor(all.length, width / SHAPE, height * 0.8), "--rows": all.length }}
        data-size={all.length > MAX_NAMED ? "tiny" : all.length > MAX_WITH_CELLS ? "small" : "large"}
      >
        {all.map(name => (
          <WallTile key={name} name={name} cells={all.length <= MAX_WITH_CELLS} />
        ))}
      </ul>
    </main>
  );
}

/** Names of all hosts, in their order. */
const names = computed(() => [...allNames.value].sort(compareText));

/** Hosts in trouble, as objects that change with what is shown; none while all are old, which the banner says. */
const wrong = unchanging(() =>
  isOld.value ? [] : [...hosts.value.values()].filter(host => severityOf(host) !== null),
);

function Wrong() {
  const all = wrong.value;
  if (all.length === 0) return null;
  return (
    <ul class="wall-wrong" aria-label="Hosts in trouble">
      {all.slice(0, MAX_WRONG).map(host => (
        <li key={host.name} data-severity={severityOf(host) ?? "none"}>
          <Icon name={severityOf(host) ?? "warning"} /> <b>{host.name}</b>{" "}
          {host.state === "ok" ? "" : host.state} {host.error ?? host.problems[0] ?? ""}
        </li>
      ))}
      {all.length > MAX_WRONG && <li>and {count(all.length - MAX_WRONG)} more</li>}
    </ul>
  );
}

const MAX_WRONG = 4;
/** GPUs up to which all numbers have a line's room. */
const MAX_SHORT = 999;
/** Hosts up to which names can be read. */
const MAX_NAMED = 400;
/** Width of a tile relative to that of a card on a host's wall. */
const SHAPE = 1.6;

function WallTile({ name, cells }: { name: string; cells: boolean }) {
  const live = useSummary(name);
  if (!live) return null;
  const host = live.peek();
  const { gpus } = host.counts;
  return (
    <li class="wall-tile" data-severity={severityOf(host) ?? "none"} data-host={name}>
      <div class="name">
        <b>{name}</b>
        <TroubleMark host={host} />
        {host.state === "ok" ? (
          <span class="free" data-status={gpus.free > 0 ? "free" : "none"}>
            {gpus.free}
          </span>
        ) : (
          <span class="state">{host.state}</span>
        )}
      </div>
      {cells ? <Cells host={live} /> : <CountBar counts={gpus} label={countText(gpus)} />}
    </li>
  );
}

function Top() {
  void now.value;
  const all = totals.value;
  if (!all) return null;
  return (
    <div class="wall-top" data-many={gpuCount(all.gpus) > MAX_SHORT}>
      <h1>Fleet</h1>
      <ul>
        {(["free", "busy", "held", "unknown"] as const).map(use => (
          <li key={use} data-status={all.gpus[use] > 0 ? use : "none"}>
            <Icon name={use} />
            <b>{count(all.gpus[use])}</b> {use}
          </li>
        ))}
        {all.mig.free > 0 && (
          <li data-status="free">
            <Icon name="free" />
            <b>{count(all.mig.free)}</b> MIG free
          </li>
        )}
      </ul>
      <p class="wall-sums">
        <span>{count(gpuCount(all.gpus))} GPUs</span>
        {all.memory_free_bytes !== null && all.memory_total_bytes !== null && (
          <span>{ofTotal(all.memory_total_bytes - all.memory_free_bytes, all.memory_total_bytes)}</span>
        )}
        {all.power_watts !== null && <span>{joined(power(all.power_watts))}</span>}
      </p>
      <p class="wall-time">
        <Status />
        <span>
          <time>{hourAndMinute(hubNow())}</time> <small>{zone.value}</small>
        </span>
      </p>
    </div>
  );
}

function useWindowSize(): { width: number; height: number } {
  const measure = () => ({ width: innerWidth, height: innerHeight });
  const [size, setSize] = useState(measure);
  useEffect(() => {
    const follow = () => setSize(measure());
    addEventListener("resize", follow);
    return () => removeEventListener("resize", follow);
  }, []);
  return size;
}
