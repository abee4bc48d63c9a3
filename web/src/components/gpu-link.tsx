import { format } from "../browser/route";

/** Link to a GPU's view. */
export function GpuLink({ index }: { index: number }) {
  return (
    <a class="gpu-link" href={format({ view: "gpu", gpu: String(index), query: {} })}>
      <span class="unseen">GPU </span>
      {String(index)}
    </a>
  );
}
