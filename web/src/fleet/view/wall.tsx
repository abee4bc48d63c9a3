import "../style/wall.css";
import { useEffect, useState } from "preact/hooks";
import { Icon } from "../../components/icon";
import { memo } from "../../components/memo";
import { count, hourAndMinute, joined, ofTotal, power } from "../../model/format";
import { columnsFor } from "../../model/wall";
import { hosts, hubNow, isOld, now, totals } from "../live/store";
import { gpuCount, severityOf } from "../model/host";
import { compareText } from "../model/order";
import type { Host } from "../types";
import { Banners } from "./banners";
import { Cells, CountBar, countText } from "./cells";
import { zone } from "./footer";
import { Status } from "./header";
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
  const all = [...hosts.value.values()].sort((a, b) => compareText(a.name, b.name));
  // The banner says that all are old.
  const wrong = isOld.value ? [] : all.filter(host => severityOf(host) !== null);
  return (
    <main id="main" class={isOld.value ? "fleet-wall old" : "fleet-wall"} tabIndex={-1}>
      <a class="skip" href="#/">
        Leave the wall
      </a>
      <Top />
      <Banners />
      <WatchBanner />
      {wrong.length > 0 && (
        <ul class="wall-wrong" aria-label="Hosts in trouble">
          {wrong.slice(0, MAX_WRONG).map(host => (
            <li key={host.name} data-severity={severityOf(host) ?? "none"}>
              <Icon name={severityOf(host) ?? "warning"} /> <b>{host.name}</b>{" "}
              {host.state === "ok" ? "" : host.state} {host.error ?? host.problems[0] ?? ""}
            </li>
          ))}
          {wrong.length > MAX_WRONG && <li>and {count(wrong.length - MAX_WRONG)} more</li>}
        </ul>
      )}
      <ul
        class="wall-hosts"
        aria-label="Hosts"
        style={{ "--columns": columnsFor(all.length, width / SHAPE, height * 0.8), "--rows": all.length }}
        data-size={all.length > MAX_NAMED ? "tiny" : all.length > MAX_WITH_CELLS ? "small" : "large"}
      >
        {all.map(host => (
          <WallTile key={host.name} host={host} cells={all.length <= MAX_WITH_CELLS} />
        ))}
      </ul>
    </main>
  );
}

const MAX_WRONG = 4;
/** Hosts up to which names can be read. */
const MAX_NAMED = 400;
/** Width of a tile relative to that of a card on a host's wall. */
const SHAPE = 1.6;

const WallTile = memo(({ host, cells }: { host: Host; cells: boolean }) => (
  <li class="wall-tile" data-severity={severityOf(host) ?? "none"} data-host={host.name}>
    <div class="name">
      <b>{host.name}</b>
      {host.state === "ok" ? (
        <span class="free" data-status={host.counts.gpus.free > 0 ? "free" : "none"}>
          {host.counts.gpus.free}
        </span>
      ) : (
        <span class="state">{host.state}</span>
      )}
    </div>
    {cells ? (
      <Cells host={host} />
    ) : (
      <CountBar counts={host.counts.gpus} label={countText(host.counts.gpus)} />
    )}
  </li>
));

function Top() {
  void now.value;
  const all = totals.value;
  if (!all) return null;
  return (
    <div class="wall-top">
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
