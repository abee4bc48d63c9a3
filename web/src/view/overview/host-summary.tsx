import type { ComponentChildren } from "preact";
import type { Collector, Gpu, Host } from "../../api/types";
import { FixedWidth } from "../../components/fixed-width";
import { Icon } from "../../components/icon";
import { Meter } from "../../components/meter";
import { Value } from "../../components/value";
import { agentNow, now, released, shown, snapshot } from "../../live/store";
import { type Reading, read } from "../../model/absence";
import { driverVersion } from "../../model/collector";
import { bytes, duration, joined, memory, ofTotal, percent, plural, power } from "../../model/format";
import { identity } from "../../model/gpu";
import { countOf, MIG_ORDER, ORDER, type Totals, totals, WORDS } from "../../model/totals";

/** Totals and facts of the host. */
export function HostSummary() {
  const newest = snapshot.value;
  if (!newest) return null;
  const gpus = shown.value.map(({ gpu }) => gpu);
  const sums = totals(gpus, released.value);
  return (
    <section class="strip" aria-label="Host">
      {gpus.length > 0 && <Counts sums={sums} gpus={gpus} />}
      {sums.memory && (
        <MemorySum sum={sums.memory} all={gpus.length} unified={gpus.some(gpu => gpu.memory.unified)} />
      )}
      {sums.power && <PowerSum sum={sums.power} all={gpus.length} />}
      <HostFacts host={newest.host} collector={newest.collector} />
    </section>
  );
}

function Counts({ sums, gpus }: { sums: Totals; gpus: readonly Gpu[] }) {
  // "0 free" is shown too: it is what people look for.
  const visible = ORDER.filter((key, at) => at < 2 || sums.by[key] > 0);
  const { mig } = sums;
  return (
    <div class="counts">
      <ul>
        {visible.map(key => (
          <li key={key} data-status={sums.by[key] > 0 ? key : "none"}>
            <b>{String(sums.by[key])}</b> <Icon name={key} />
            {WORDS[key]}
          </li>
        ))}
        {mig &&
          MIG_ORDER.filter(key => key === "free" || mig[key] > 0).map(key => (
            <li key={`mig ${key}`} data-status={mig[key] > 0 ? key : "none"}>
              <b>{String(mig[key])}</b> <Icon name={key} />
              MIG {WORDS[key]}
            </li>
          ))}
      </ul>
      <p class="map" aria-hidden="true">
        {gpus.map(gpu => (
          <i key={identity(gpu)} data-status={countOf(gpu, released.value)} />
        ))}
      </p>
      <small>{models(gpus)}</small>
    </div>
  );
}

/** `8 × H200`, `2 × A100, 1 × T4`. */
function models(gpus: readonly Gpu[]): string {
  const by = new Map<string, number>();
  for (const gpu of gpus) {
    const name = gpu.name ?? "";
    by.set(name, (by.get(name) ?? 0) + 1);
  }
  return [...by].map(([name, many]) => (name ? `${many} × ${name}` : `${many} unknown`)).join(", ");
}

const of = (some: number, all: number): string => (some === all ? "" : `, ${some} of ${plural(all, "GPU")}`);

function MemorySum({
  sum,
  all,
  unified,
}: {
  sum: NonNullable<Totals["memory"]>;
  all: number;
  unified: boolean;
}) {
  const [used, total] = [memory(sum.used), memory(sum.total)];
  return (
    <div class="sum">
      <p>
        <b>{used.number}</b> {`${used.unit === total.unit ? "" : `${used.unit} `}of ${joined(total)}`}
      </p>
      <Meter of={sum.used / sum.total} />
      <small>{(unified ? "memory, shared with the host" : "GPU memory") + of(sum.of, all)}</small>
    </div>
  );
}

function PowerSum({ sum, all }: { sum: NonNullable<Totals["power"]>; all: number }) {
  const draw = power(sum.draw);
  const limit = sum.limit === null ? null : power(sum.limit);
  return (
    <div class="sum">
      <p>
        <b>{draw.number}</b>{" "}
        {limit === null ? draw.unit : `${limit.unit === draw.unit ? "" : `${draw.unit} `}of ${joined(limit)}`}
      </p>
      <Meter of={sum.limit === null ? null : sum.draw / sum.limit} />
      <small>{`power${of(sum.of, all)}`}</small>
    </div>
  );
}

function HostFacts({ host, collector }: { host: Host; collector: Collector }) {
  void now.value;
  const { absent, memory_total_bytes: total, memory_available_bytes: available } = host;
  const used = total !== null && available !== null ? total - available : null;
  return (
    <dl class="facts">
      <div>
        <dt>Collector</dt>
        <dd data-severity={collector.state === "ok" ? undefined : "warning"}>
          {collector.state.replaceAll("_", " ")}
        </dd>
      </div>
      <Fact name="Driver" of={driverVersion(host, collector, "driver_version")} show={String} />
      <Fact name="CUDA" of={driverVersion(host, collector, "cuda_version")} show={String} />
      <Fact
        name="Uptime"
        of={read(absent, "booted_at", host.booted_at)}
        show={at => duration(agentNow() - at)}
      />
      <Fact
        name="CPU"
        of={read(absent, "cpu_percent", host.cpu_percent)}
        show={cpu => <FixedWidth>{percent(cpu)}</FixedWidth>}
      />
      <Fact
        name="Load"
        of={read(absent, "load_1m", host.load_1m)}
        show={load => <FixedWidth>{load.toFixed(1)}</FixedWidth>}
      />
      <Fact
        name="Host memory"
        of={read(absent, "memory_available_bytes", used)}
        show={used => <FixedWidth>{total === null ? bytes(used) : ofTotal(used, total)}</FixedWidth>}
      />
    </dl>
  );
}

interface FactProps<T> {
  name: string;
  of: Reading<T>;
  show: (value: T) => ComponentChildren;
}

function Fact<T>({ name, of, show }: FactProps<T>) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <Value of={of} show={show} />
      </dd>
    </div>
  );
}
