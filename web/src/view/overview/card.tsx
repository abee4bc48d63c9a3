import { agentNow, type Shown } from "../../live/store";
import { duration } from "../../model/format";
import { shortName, standing } from "../../model/gpu";
import { format } from "../../page/route";
import { Pill } from "../../part/pill";
import { CardBody } from "./body";
import { Foot } from "./foot";
import { Instances } from "./instances";
import { Trouble } from "./trouble";

/** One GPU at a glance; all of it leads to its detail. */
export function Card({ shown }: { shown: Shown }) {
  const { gpu, asOf } = shown;
  const stands = standing(gpu);
  return (
    <article class="gpu" data-standing={stands} data-health={gpu.health.verdict} data-old={asOf !== null}>
      <h2>
        <a href={format({ view: "gpu", gpu: String(gpu.index), query: {} })}>
          <span class="unseen">GPU </span>
          <b>{gpu.index}</b> <span class="model">{shortName(gpu.name) ?? "unknown GPU"}</span>
        </a>
        <Pill standing={stands} {...heldFor(shown)} />
      </h2>
      <CardBody shown={shown} />
      {gpu.mig.length > 0 && <Instances shown={shown} />}
      <Trouble shown={shown} />
      {gpu.mig.length === 0 && <Foot shown={shown} />}
    </article>
  );
}

/** For how long a GPU has been held without work. */
export function heldFor({ gpu }: Pick<Shown, "gpu">): { more?: string; tip?: string } {
  if (standing(gpu) !== "held") return {};
  const time = duration(agentNow() - gpu.use.since);
  const atLeast = gpu.use.since_at_least ? "at least " : "";
  return {
    more: `${gpu.use.since_at_least ? "over " : ""}${time}`,
    tip: `Its memory is held, but it has done no work for ${atLeast}${time}.`,
  };
}
