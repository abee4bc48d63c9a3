import type { Gpu } from "../../api/types";
import { Value } from "../../components/value";
import { isNever } from "../../model/absence";
import { FACTS, type FactGroup, factOf } from "../../model/facts";
import { percent } from "../../model/format";
import { throttleReasons } from "../../model/gpu";

/** All that is told of a GPU, in groups. */
export function Facts({ gpu, old }: { gpu: Gpu; old: boolean }) {
  return (
    <section class="groups" aria-label="Facts" data-old={old}>
      {FACTS.map(group => (
        <Group key={group.name} group={group} gpu={gpu} />
      ))}
    </section>
  );
}

/** What this GPU will never tell stands at the end, as one line. */
function Group({ group, gpu }: { group: FactGroup; gpu: Gpu }) {
  const all = group.facts.map(fact => ({ ...fact, of: factOf(gpu, fact.path) }));
  const told = all.filter(fact => !isNever(fact.of));
  const never = all.filter(fact => isNever(fact.of));
  return (
    <section class="panel fact-group">
      <h3>{group.name}</h3>
      <dl>
        {told.map(fact => (
          <div key={fact.path}>
            <dt>{fact.name}</dt>
            <dd>
              {typeof fact.of.value === "number" ? (
                <span class="number">{fact.show(fact.of.value)}</span>
              ) : (
                <Value of={fact.of} what={fact.name} show={fact.show} />
              )}
            </dd>
          </div>
        ))}
        {group.name === "Clocks" && <Restraints gpu={gpu} />}
        {group.name === "Power and temperature" && <Fans gpu={gpu} />}
      </dl>
      {never.length > 0 && (
        <p class="fine never">
          {told.length === 0
            ? "Not supported by this GPU or driver."
            : `Not supported here: ${never.map(fact => fact.name).join(", ")}.`}
        </p>
      )}
    </section>
  );
}

function Restraints({ gpu }: { gpu: Gpu }) {
  if (gpu.absent["clocks.event_reasons"]) return null;
  const found = throttleReasons(gpu.clocks.event_reasons);
  return (
    <div>
      <dt>Throttled by</dt>
      <dd class={found.some(each => each.serious) ? "serious" : undefined}>
        {found.length === 0 ? "none" : found.map(each => each.word).join(", ")}
      </dd>
    </div>
  );
}

function Fans({ gpu }: { gpu: Gpu }) {
  if (gpu.fans.length === 0) return null;
  return (
    <div>
      <dt>{gpu.fans.length === 1 ? "Fan" : "Fans"}</dt>
      <dd>{gpu.fans.map(fan => percent(fan.speed_percent)).join(", ")}</dd>
    </div>
  );
}
