import type { Gpu } from "../../api/types";

/** The place of the charts. */
export function Charts({ gpu: _ }: { gpu: Gpu }) {
  return null;
}
