import { useState } from "preact/hooks";
import type { Gpu } from "../../api/types";
import { Icon } from "../../components/icon";
import { Value } from "../../components/value";
import { isNever } from "../../model/absence";
import { descriptionOf, type Fact, type FactGroup, factOf, GROUPS, showFact } from "../../model/facts";
import { percent } from "../../model/format";
import { throttleReasons } from "../../model/gpu";

/** Every reading of a GPU, in groups. */
export function Facts({ gpu, old }: { gpu: Gpu; old: boolean }) {
  return (
    <section class="groups" aria-label="Facts" data-old={old}>
      {GROUPS.map(group => (
        <Group key={group.name} group={group} gpu={gpu} />
      ))}
    </section>
  );
}

/** A group; the readings that this GPU never reports are one line at its end. */
function Group({ group, gpu }: { group: FactGroup; gpu: Gpu }) {
  const [explained, setExplained] = useState(false);
  const all = group.facts.map(fact => ({ fact, of: factOf(gpu, fact.path) }));
  const reported = all.filter(({ of }) => !isNever(of));
  const never = all.filter(({ of }) => isNever(of));
  return (
    <section class="panel fact-group">
      <h3>
        {group.name}
        {reported.length > 0 && (
          <button
            type="button"
            class="quiet"
            aria-pressed={explained}
            data-tooltip="What these readings are"
            onClick={() => setExplained(!explained)}
          >
            <Icon name="info" />
            <span class="unseen">Explain {group.name}</span>
          </button>
        )}
      </h3>
      <dl>
        {reported.map(({ fact, of }) => (
          <Row key={fact.path} fact={fact} of={of} explained={explained} />
        ))}
        {group.name === "Clocks" && <ThrottledBy gpu={gpu} />}
        {group.name === "Power and temperature" && <Fans gpu={gpu} />}
      </dl>
      {never.length > 0 && (
        <p class="fine never">
          {reported.length === 0
            ? "Not supported by this GPU or driver."
            : `Not supported here: ${never.map(({ fact }) => fact.label).join("; ")}.`}
        </p>
      )}
    </section>
  );
}

interface RowProps {
  fact: Fact;
  of: ReturnType<typeof factOf>;
  explained: boolean;
}

function Row({ fact, of, explained }: RowProps) {
  return (
    <div>
      <dt>{fact.label}</dt>
      <dd>
        {typeof of.value === "number" ? (
          <span class="number">{showFact(fact, of.value)}</span>
        ) : (
          <Value of={of} what={fact.label} show={value => showFact(fact, value)} />
        )}
      </dd>
      {explained && <dd class="fine">{descriptionOf(fact.path)}</dd>}
    </div>
  );
}

function ThrottledBy({ gpu }: { gpu: Gpu }) {
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
