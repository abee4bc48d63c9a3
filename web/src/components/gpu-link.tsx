import { format } from "../browser/route";

/** To a GPU's detail. */
export function GpuLink({ index }: { index: number }) {
  return (
    <a class="gpu-link" href={format({ view: "gpu", gpu: String(index), query: {} })}>
      <span class="unseen">GPU </span>
      {String(index)}
    </a>
  );
}
