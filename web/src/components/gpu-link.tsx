import { format } from "../browser/route";

/** Link to a GPU's view, also by the name of a MIG instance. */
export function GpuLink({ index, name = String(index) }: { index: number; name?: string }) {
  return (
    <a class="gpu-link" href={format({ view: "gpu", gpu: String(index), query: {} })}>
      <span class="unseen">GPU </span>
      {name}
    </a>
  );
}
