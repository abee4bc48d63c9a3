import type { ReadonlySignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { hostNamed } from "../live/store";
import { unchanging } from "../live/unchanging";
import { severityOf } from "../model/host";
import type { Host } from "../types";

/** Host of a tile. Only its state, counts and problems render the tile again: its cells follow the host by themselves. */
export function useSummary(name: string): ReadonlySignal<Host> | null {
  const live = useMemo(() => hostNamed(name), [name]);
  const shown = useMemo(
    () =>
      unchanging(() => {
        const host = live?.value;
        return host ? [host.state, host.counts, severityOf(host), host.problems] : [];
      }),
    [live],
  );
  void shown.value;
  return live ?? null;
}
