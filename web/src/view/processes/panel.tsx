import type { Gpu } from "../../api/types";

/** The processes, of one GPU or of all. */
export function ProcessPanel({ gpu: _ }: { gpu?: Gpu }) {
  return null;
}
