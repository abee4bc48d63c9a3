import { useRef } from "preact/hooks";
import { format } from "../../browser/route";
import { ClaimLine } from "../../components/claim-line";
import { Icon } from "../../components/icon";
import { Pill } from "../../components/pill";
import { WithTooltip } from "../../components/with-tooltip";
import { agentNow, type Shown } from "../../live/store";
import { duration, orMore } from "../../model/format";
import { isKnown, shortName, statusOf } from "../../model/gpu";
import { Holders } from "../parts";
import { CardBody } from "./body";
import { useMemoryDivision } from "./division";
import { Footer } from "./footer";
import { Instances } from "./instances";
import { Problems } from "./problems";

/** One GPU at a glance, as a link to its view. */
export function Card({ shown }: { shown: Shown }) {
  const { gpu, asOf } = shown;
  const status = statusOf(gpu);
  const { parts, owners } = useMemoryDivision(gpu.memory, shown.processes);
  const link = useRef<HTMLAnchorElement>(null);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: its link is there for the keyboard
    <article
      class="gpu"
      data-status={status}
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
        <span class="marks">
          <HealthBadge gpu={gpu} />
          <Pill status={status} {...idleFor(shown)} />
        </span>
      </h2>
      {isKnown(gpu) && <CardBody gpu={gpu} parts={parts} />}
      {gpu.mig.length > 0 && <Instances shown={shown} />}
      <Problems shown={shown} />
      <ClaimLine of={gpu} />
      {gpu.mig.length === 0 && isKnown(gpu) && <Footer gpu={gpu} owners={owners} />}
      <Holders gpu={gpu} />
    </article>
  );
}

/** True if a click is on nothing interactive and selects no text. */
function isFree({ target, currentTarget }: MouseEvent): boolean {
  const of = target instanceof Element ? target.closest("a, button, input, [tabindex], article") : null;
  return of === currentTarget && (getSelection()?.isCollapsed ?? true);
}

/** Health badge, where the status alone does not show the problem. */
export function HealthBadge({ gpu }: Pick<Shown, "gpu">) {
  const { verdict, reasons } = gpu.health;
  if (verdict === "ok" || gpu.state === "lost") return null;
  const critical = verdict === "critical";
  return (
    <WithTooltip
      class="unwell"
      data-severity={critical ? "critical" : "warning"}
      tooltip={reasons.map(each => each.text).join("\n")}
    >
      <Icon name={critical ? "critical" : "warning"} />
      <span class="word">{critical ? "do not use" : "check"}</span>
    </WithTooltip>
  );
}

/** Props of the pill of a GPU whose memory is held without work. */
export function idleFor({ gpu }: Pick<Shown, "gpu">): { idle?: string; tooltip?: string } {
  if (statusOf(gpu) !== "held") return {};
  const time = duration(agentNow() - gpu.use.since);
  const atLeast = gpu.use.since_at_least;
  return {
    idle: atLeast ? orMore(time) : time,
    tooltip: `Memory is allocated, but the GPU has been idle for ${atLeast ? "at least " : ""}${time}.`,
  };
}
