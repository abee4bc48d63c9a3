import { type Shown, shown, snapshot } from "../../live/store";
import { Notes } from "../banners";
import { GpuDetail } from "../gpu/gpu";
import { ProcessPanel } from "../processes/panel";
import { Card } from "./card";
import { HostSummary } from "./host-summary";
import { PeerList } from "./peers";

/** Cards up to which they have their full height. */
const MAX_FULL_CARDS = 8;

export function Overview() {
  const gpus = shown.value;
  const only = gpus.length === 1 ? gpus[0] : undefined;
  return (
    <>
      <Notes notes={snapshot.value?.host.notes ?? []} />
      <PeerList />
      <HostSummary />
      {gpus.length === 0 && <Nothing />}
      {only ? (
        <GpuDetail shown={only} alone />
      ) : (
        <section
          class={["cards", gpus.length > MAX_FULL_CARDS && "dense", isMixed(gpus) && "mixed"]
            .filter(Boolean)
            .join(" ")}
          aria-label="GPUs"
          style={{ "--in-a-row": perRow(gpus.length) }}
        >
          {gpus.map(each => (
            <Card key={each.gpu.uuid ?? each.gpu.index} shown={each} />
          ))}
        </section>
      )}
      {!only && gpus.length > 0 && <ProcessPanel />}
    </>
  );
}

/** True if there are several models; a phone's narrow cards then show them. */
const isMixed = (gpus: readonly Shown[]): boolean =>
  new Set(gpus.flatMap(({ gpu }) => gpu.name ?? [])).size > 1;

/** Cards per row, so that no row has a single card. */
const perRow = (gpus: number): number => (gpus <= 4 ? Math.max(2, gpus) : gpus <= 6 ? 3 : 4);

function Nothing() {
  if (snapshot.value?.collector.state !== "ok") return null;
  return <p class="nothing">The driver reports no GPU on this host.</p>;
}
