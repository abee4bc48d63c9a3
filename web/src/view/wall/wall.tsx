import "../../style/wall.css";
import "./wall.css";
import { useEffect, useState } from "preact/hooks";
import type { Gpu } from "../../api/types";
import { MemoryBar, Swatch } from "../../components/bar";
import { Icon } from "../../components/icon";
import { Pill } from "../../components/pill";
import { Spark } from "../../components/spark";
import { link } from "../../live/connection";
import { agentNow, hostname, late, namesHidden, now, released, type Shown, shown } from "../../live/store";
import { isNever, read } from "../../model/absence";
import {
  celsius,
  duration,
  hourAndMinute,
  joined,
  memory,
  ofTotal,
  percent,
  power,
  share,
  watts,
} from "../../model/format";
import { isKnown, shortName, statusOf, verdict } from "../../model/gpu";
import { divide, type Part } from "../../model/memory";
import { instanceOf, migName } from "../../model/mig";
import { MIG_ORDER, ORDER, totals, WORDS } from "../../model/totals";
import { columnsFor } from "../../model/wall";
import { Banners } from "../banners";
import { zone } from "../footer";
import { HealthBadge, idleFor } from "../overview/card";
import { nobody } from "../overview/footer";
import { Status } from "../status";

/** Every GPU of the host in the largest size that fits the screen, without controls. */
export function Wall() {
  const { width, height } = useWindowSize();
  const gpus = shown.value;
  const isSilent = late.value || link.value.kind === "unreachable" || link.value.kind === "refused";
  return (
    <main id="main" class={isSilent ? "wall old" : "wall"} tabIndex={-1}>
      <a class="skip" href="#/">
        Leave the wall
      </a>
      <Top />
      <Banners />
      {gpus.length === 0 ? (
        <p class="nothing">No GPU is read.</p>
      ) : (
        <section
          class="wall-cards"
          aria-label="GPUs"
          style={{ "--columns": columnsFor(gpus.length, width, height * 0.9) }}
        >
          {gpus.map(each => (
            <WallCard key={each.gpu.uuid ?? each.gpu.index} shown={each} />
          ))}
        </section>
      )}
    </main>
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

/** Host, totals and the time. */
function Top() {
  void now.value;
  const {
    by,
    mig,
    memory: sum,
    power: draw,
  } = totals(
    shown.value.map(({ gpu }) => gpu),
    released.value,
  );
  return (
    <div class="wall-top">
      <h1>{hostname.value ?? location.hostname}</h1>
      <ul>
        {ORDER.filter((key, at) => at < 2 || by[key] > 0).map(key => (
          <li key={key} data-status={by[key] > 0 ? key : "none"}>
            <Icon name={key} />
            <b>{String(by[key])}</b> {WORDS[key]}
          </li>
        ))}
        {mig &&
          MIG_ORDER.filter(key => key === "free" || mig[key] > 0).map(key => (
            <li key={`mig ${key}`} data-status={mig[key] > 0 ? key : "none"}>
              <Icon name={key} />
              <b>{String(mig[key])}</b> MIG {WORDS[key]}
            </li>
          ))}
      </ul>
      <p class="wall-sums">
        {sum && <span>{ofTotal(sum.used, sum.total)}</span>}
        {draw && <span>{joined(power(draw.draw))}</span>}
      </p>
      <p class="wall-time">
        <Status />
        <span>
          <time>{hourAndMinute(agentNow())}</time> <small>{zone.value}</small>
        </span>
      </p>
    </div>
  );
}

function WallCard({ shown: each }: { shown: Shown }) {
  const { gpu, asOf, processes } = each;
  const status = statusOf(gpu);
  const { parts, owners } = divide(gpu.memory, processes);
  const why = whyOf(gpu);
  return (
    <article class="gpu" data-status={status} data-health={gpu.health.verdict} data-old={asOf !== null}>
      <div class="wall-card">
        <h2>
          <b>
            <span class="unseen">GPU </span>
            {String(gpu.index)}
          </b>
          <span class="model">{shortName(gpu.name) ?? "unknown GPU"}</span>
          <HealthBadge gpu={gpu} />
          <Pill status={status} {...pillOf(each)} />
        </h2>
        {isKnown(gpu) && <WallValues shown={each} parts={parts} trend={why === null} />}
        {why !== null && <p class="wall-why">{why}</p>}
        {asOf !== null && <p class="wall-why">Values are {duration(agentNow() - asOf)} old.</p>}
        {gpu.mig.length > 0 ? (
          <WallInstances shown={each} />
        ) : (
          isKnown(gpu) && (
            <p class="wall-who">
              {owners.length === 0 && status !== "free" && (
                <span>{namesHidden.value ? "names hidden" : nobody(gpu.use, gpu.pods).otherwise}</span>
              )}
              {owners.slice(0, 4).map(({ owner }) => (
                <span key={owner.key}>
                  <Swatch of={owner.key} />
                  {owner.label}
                </span>
              ))}
              {owners.length > 4 && <span>+{owners.length - 4}</span>}
            </p>
          )
        )}
      </div>
    </article>
  );
}

/** The worst problem of a GPU in a sentence, and the number of others; null without one. */
function whyOf({ health: { reasons }, state, state_detail: detail }: Gpu): string | null {
  const [first] = reasons;
  if (!first) return state === "ok" ? null : detail;
  const text = first.text.charAt(0).toUpperCase() + first.text.slice(1);
  return reasons.length > 1 ? `${text}. ${reasons.length - 1} more.` : text;
}

/** The pill of a card that cannot be pointed at: without a tooltip. */
const pillOf = (each: Shown): { idle?: string } => {
  const { idle } = idleFor(each);
  return idle ? { idle } : {};
};

/** Values of a card; with a problem below them there is no room for the trend. */
function WallValues({
  shown: { gpu },
  parts,
  trend,
}: {
  shown: Shown;
  parts: readonly Part[];
  trend: boolean;
}) {
  const utilization = read(gpu.absent, "utilization.gpu_percent", gpu.utilization.gpu_percent);
  const { total_bytes: total, used_bytes: used } = gpu.memory;
  const { gpu_celsius: heat } = gpu.temperature;
  const { draw_watts: draw } = gpu.power;
  return (
    <div class="values">
      {trend && !isNever(utilization) && (
        <div class="trend">
          <Spark uuid={gpu.uuid} index={gpu.index} />
          <p class="big">
            {utilization.why ? (
              <span class="absent">{utilization.why.word}</span>
            ) : (
              <>
                <b>{share(utilization.value)}</b>
                <small>%</small>
              </>
            )}
          </p>
        </div>
      )}
      {total !== null && used !== null && <MemoryBar parts={parts} label="Memory" />}
      <p class="wall-numbers">
        {!trend && !utilization.why && <b>{percent(utilization.value)}</b>}
        {total !== null && used !== null && <span>{ofTotal(used, total)}</span>}
        {heat !== null && <span>{celsius(heat)}</span>}
        {draw !== null && <span>{watts(draw)}</span>}
      </p>
    </div>
  );
}

/** MIG instances, a line each. */
function WallInstances({ shown: { gpu, processes } }: { shown: Shown }) {
  return (
    <ul class="wall-instances">
      {gpu.mig.map((mig, at) => {
        const of = { total_bytes: mig.memory_total_bytes, used_bytes: mig.memory_used_bytes };
        const own = processes.filter(process => instanceOf(gpu, process) === mig);
        const { owners } = divide(of, own);
        const free =
          of.total_bytes !== null && of.used_bytes !== null ? of.total_bytes - of.used_bytes : null;
        return (
          <li key={mig.uuid ?? at}>
            <b>{migName(gpu.index, mig.label)}</b>
            <span>
              {owners.length > 0
                ? owners.map(({ owner }) => owner.label).join(", ")
                : free !== null && `${joined(memory(free))} free`}
            </span>
            <Pill status={verdict(mig.use.verdict)} />
          </li>
        );
      })}
    </ul>
  );
}
