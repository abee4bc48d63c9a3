import { type Shown, shown } from "../../live/store";
import { findGpu } from "../../model/gpu";
import { Card } from "../overview/card";
import { ProcessPanel } from "../processes/panel";
import { Charts } from "./charts/charts";

/** One GPU, by what the address says. */
export function GpuView({ name }: { name: string }) {
  const gpu = findGpu(
    shown.value.map(each => each.gpu),
    name,
  );
  const found = shown.value.find(each => each.gpu === gpu);
  if (!found) return <p class="nothing">This host has no GPU {name}.</p>;
  return <GpuDetail shown={found} />;
}

/** All that is known of a GPU; `alone` where it is the host's only one, and this the overview. */
export function GpuDetail({ shown, alone = false }: { shown: Shown; alone?: boolean }) {
  return (
    <>
      <Card shown={shown} />
      <Charts gpu={shown.gpu} />
      <ProcessPanel {...(alone ? {} : { gpu: shown.gpu })} />
    </>
  );
}
