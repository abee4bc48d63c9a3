import { useMemo } from "preact/hooks";
import { format } from "../../browser/route";
import { ClaimLine } from "../../components/claim-line";
import { CopyButton } from "../../components/copy";
import { FixedWidth } from "../../components/fixed-width";
import { Icon } from "../../components/icon";
import { Pill } from "../../components/pill";
import { agentNow, events, type Shown, shown } from "../../live/store";
import { wanted } from "../../model/events";
import { exact, moment, plural } from "../../model/format";
import { findGpu, identity, isKnown, statusOf } from "../../model/gpu";
import { EventList } from "../events/list";
import { CardBody } from "../overview/body";
import { HealthBadge, idleFor } from "../overview/card";
import { useMemoryDivision } from "../overview/division";
import { Footer } from "../overview/footer";
import { Instances } from "../overview/instances";
import { Problems } from "../overview/problems";
import { Charts, Facts, Holders } from "../parts";
import { ProcessPanel } from "../processes/panel";

/** View of one GPU, by the name in the URL. */
export function GpuView({ name }: { name: string }) {
  const all = shown.value;
  const gpu = findGpu(
    all.map(each => each.gpu),
    name,
  );
  const at = all.findIndex(each => each.gpu === gpu);
  const found = all[at];
  if (!found) {
    return (
      <p class="nothing">
        This host has no GPU {name}. <a href="#/">All GPUs</a>
      </p>
    );
  }
  return (
    <>
      <nav class="between" aria-label="GPUs">
        <a href="#/">
          <Icon name="left" /> All GPUs
        </a>
        <Step to={all[at - 1]} name="left" word="Previous" />
        <Step to={all[at + 1]} name="right" word="Next" />
      </nav>
      <GpuDetail key={identity(found.gpu)} shown={found} />
    </>
  );
}

function Step({ to, name, word }: { to: Shown | undefined; name: "left" | "right"; word: string }) {
  if (!to) return null;
  return (
    <a href={format({ view: "gpu", gpu: String(to.gpu.index), query: {} })}>
      {name === "left" && <Icon name={name} />}
      <span class="unseen">{word}: </span>GPU {to.gpu.index}
      {name === "right" && <Icon name={name} />}
    </a>
  );
}

/** All details of a GPU; `alone` if it is the host's only one, and this the overview. */
export function GpuDetail({ shown: each, alone = false }: { shown: Shown; alone?: boolean }) {
  const { gpu, asOf } = each;
  return (
    <>
      <Hero shown={each} />
      <Charts gpu={gpu} />
      <ProcessPanel {...(alone ? {} : { gpu })} />
      <Facts gpu={gpu} old={asOf !== null} />
      <GpuEvents shown={each} />
    </>
  );
}

/** The GPU's card, in full. */
function Hero({ shown: each }: { shown: Shown }) {
  const { gpu, asOf } = each;
  const status = statusOf(gpu);
  const { parts, owners } = useMemoryDivision(gpu.memory, each.processes);
  return (
    <section class="gpu hero" aria-label={`GPU ${gpu.index}`} data-status={status} data-old={asOf !== null}>
      <h2>
        <span>
          <b>{`GPU ${gpu.index}`}</b> <span class="model">{gpu.name ?? "unknown GPU"}</span>
        </span>
        <span class="marks">
          <HealthBadge gpu={gpu} />
          <Pill status={status} {...idleFor(each)} />
        </span>
      </h2>
      {isKnown(gpu) && <CardBody gpu={gpu} parts={parts} />}
      {gpu.mig.length > 0 ? <Instances shown={each} /> : isKnown(gpu) && <Footer gpu={gpu} owners={owners} />}
      <Holders gpu={gpu} whole />
      <Problems shown={each} whole />
      <ClaimLine of={gpu} />
      {gpu.uuid !== null && <Identity uuid={gpu.uuid} shown={each} />}
    </section>
  );
}

/** UUID and link to copy, and the time of the reading. */
function Identity({ uuid, shown: { gpu, asOf } }: { uuid: string; shown: Shown }) {
  const readAt = asOf ?? gpu.read_at;
  return (
    <p class="identity">
      <code>{uuid}</code>
      <CopyButton text={uuid} label="Copy" name="Copy the UUID" title="Copy the UUID" />
      <CopyButton
        text={new URL(format({ view: "gpu", gpu: uuid, query: {} }), location.href).href}
        label="Copy link"
        title="Copy a link by UUID, which does not depend on the index"
      />
      {readAt !== null && (
        <span class="fine">
          {asOf === null ? "Read" : "Last read"} at{" "}
          <time data-tooltip={exact(readAt)}>
            <FixedWidth>{moment(readAt, agentNow())}</FixedWidth>
          </time>
        </span>
      )}
    </p>
  );
}

function GpuEvents({ shown: each }: { shown: Shown }) {
  const all = events.value;
  const { uuid } = each.gpu;
  const found = useMemo(
    () => (uuid === null ? [] : wanted(all, { severity: "", kind: "", gpu: uuid })),
    [all, uuid],
  );
  return (
    <section class="panel" aria-label="Events of this GPU">
      <div class="tools">
        <h2>Events</h2>
        <XidNote shown={each} />
      </div>
      {found.length > 0 ? (
        <EventList events={found} now={agentNow()} gpu={false} />
      ) : (
        <p class="nothing">No events of this GPU.</p>
      )}
    </section>
  );
}

/** Number of Xid errors since the agent listens for them. */
function XidNote({ shown: { gpu } }: { shown: Shown }) {
  const { since, count, last, last_at: lastAt } = gpu.xid;
  if (since === null || count === null) {
    return gpu.absent["xid.count"] === "not_supported" ? (
      <span class="fine">This GPU does not report Xid errors.</span>
    ) : null;
  }
  if (count === 0) return <span class="fine">No Xid error since {moment(since, agentNow())}</span>;
  const when = lastAt === null ? "" : ` at ${moment(lastAt, agentNow())}`;
  return (
    <span class="fine">
      {plural(count, "Xid error")} since {moment(since, agentNow())}, the last {last}
      {when}
    </span>
  );
}
