import { signal } from "@preact/signals";
import { requestJson } from "../api/request";
import type { History, Snapshot } from "../api/types";
import { Trend } from "../model/trend";
import { maxPause } from "./store";

/** Sparklines of the cards: 15 minutes in steps of 5 s. */
const STEP_MS = 5_000;
const STEPS = 180;
const METRIC = "utilization.gpu_percent";

const trends = new Map<string, Trend>();
/** Changes when a step begins or history was filled in; components that draw a trend read it. */
export const drawn = signal(0);

export const trendOf = (uuid: string | null): Trend | undefined =>
  uuid === null ? undefined : trends.get(uuid);

export function record(snapshot: Snapshot): void {
  let moved = false;
  for (const gpu of snapshot.gpus) {
    if (gpu.uuid === null) continue;
    const trend = made(gpu.uuid);
    const before = trend.step;
    const value = gpu.state === "ok" ? gpu.utilization.gpu_percent : null;
    trend.add(snapshot.sampled_at, value, maxPause());
    moved ||= trend.step !== before;
  }
  if (moved) drawn.value += 1;
}

function made(uuid: string): Trend {
  let trend = trends.get(uuid);
  if (!trend) {
    trend = new Trend(STEP_MS, STEPS);
    trends.set(uuid, trend);
  }
  return trend;
}

/** Fills gaps from the agent's history. */
export async function fillIn(signal: AbortSignal): Promise<void> {
  try {
    const history = await requestJson<History>(`api/v1/history?metric=${METRIC}&since=-15m&step=5s`, {
      signal,
    });
    for (const series of history.series) {
      made(series.gpu_uuid).seed(history.start_at, history.step_ms, series.values);
    }
    drawn.value += 1;
  } catch {
    // The next connection tries again; current values are shown without the past.
  }
}
