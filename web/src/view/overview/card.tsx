import { useRef } from "preact/hooks";
import { agentNow, type Shown } from "../../live/store";
import { duration } from "../../model/format";
import { isKnown, shortName, standing } from "../../model/gpu";
import { format } from "../../page/route";
import { Icon } from "../../part/icon";
import { Pill } from "../../part/pill";
import { Tipped } from "../../part/tipped";
import { CardBody } from "./body";
import { useDivision } from "./division";
import { Foot } from "./foot";
import { Instances } from "./instances";
import { Trouble } from "./trouble";

/** One GPU at a glance; all of it leads to its detail. */
export function Card({ shown }: { shown: Shown }) {
  const { gpu, asOf } = shown;
  const stands = standing(gpu);
  const { parts, owners } = useDivision(gpu.memory, shown.processes);
  const link = useRef<HTMLAnchorElement>(null);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: its link is there for the keyboard
    <article
      class="gpu"
      data-standing={stands}
      data-health={gpu.health.verdict}
      data-old={asOf !== null}
      onClick={event => {
        if (isFree(event)) link.current?.click();
      }}
    >
      <h2>
        <a ref={link} href={format({ view: "gpu", gpu: String(gpu.index), query: {} })}>
          <span class="unseen">GPU </span>
          <b>{String(gpu.index)}</b> <span class="model">{shortName(gpu.name) ?? "unknown GPU"}</span>
        </a>
        <Unwell gpu={gpu} />
        <Pill standing={stands} {...heldFor(shown)} />
      </h2>
      {isKnown(gpu) && <CardBody gpu={gpu} parts={parts} />}
      {gpu.mig.length > 0 && <Instances shown={shown} />}
      <Trouble shown={shown} />
      {gpu.mig.length === 0 && isKnown(gpu) && <Foot gpu={gpu} owners={owners} />}
    </article>
  );
}

/** Whether a click is on nothing that has a use of its own, and does not choose text. */
function isFree({ target, currentTarget }: MouseEvent): boolean {
  const of = target instanceof Element ? target.closest("a, button, input, [tabindex], article") : null;
  return of === currentTarget && (getSelection()?.isCollapsed ?? true);
}

/** That somebody should look, where the state alone does not say so. */
export function Unwell({ gpu }: Pick<Shown, "gpu">) {
  const { verdict, reasons } = gpu.health;
  if (verdict === "ok" || gpu.state === "lost") return null;
  const critical = verdict === "critical";
  return (
    <Tipped
      class="unwell"
      data-severity={critical ? "critical" : "warning"}
      tip={reasons.map(each => each.text).join("\n")}
    >
      <Icon name={critical ? "critical" : "warning"} />
      {critical ? "do not use" : "look"}
    </Tipped>
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
