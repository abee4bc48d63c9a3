import type { Gpu } from "../../api/types";
import { isNever, type Reading, read } from "../../model/absence";
import { count, gigahertz } from "../../model/format";
import { Meter } from "../../part/bar";
import { Value } from "../../part/value";

interface Tile {
  key: string;
  what: string;
  /** What its limit is. */
  limit?: string | undefined;
  of: Reading<number>;
  unit: string;
  show?: (value: number) => string;
  label: string;
  /** How much of its limit it is; null where there is none. */
  part: number | null;
  high?: boolean;
}

/** So many fit a card. What a GPU never tells gives its place to the next. */
const PLACES = 4;

export function Tiles({ gpu }: { gpu: Gpu }) {
  const told = tilesOf(gpu).filter(tile => !isNever(tile.of));
  return (
    <ul class="tiles">
      {told.slice(0, PLACES).map(tile => (
        <li
          key={tile.key}
          data-tile={tile.key}
          data-tip={tile.of.why ? undefined : [tile.what, tile.limit].filter(Boolean).join("; ")}
          class={tile.high ? "high" : undefined}
        >
          <p>
            {!tile.of.why && <span class="unseen">{tile.what} </span>}
            <Value
              of={tile.of}
              what={tile.what}
              show={value => (
                <>
                  <b>{(tile.show ?? count)(value)}</b>
                  <small>{tile.unit}</small>
                </>
              )}
            />
          </p>
          <Meter of={tile.of.why ? null : tile.part} high={tile.high ?? false} />
          <small class="label">{tile.label}</small>
        </li>
      ))}
    </ul>
  );
}

function tilesOf(gpu: Gpu): Tile[] {
  const { temperature, power, clocks, activity, utilization } = gpu;
  const limit = power.enforced_limit_watts ?? power.limit_watts;
  const of = (value: number | null, whole: number | null) =>
    value === null || !whole ? null : value / whole;
  const number = (path: string, value: number | null) => read(gpu.absent, path, value);
  const hot = temperature.slowdown_celsius;
  const tensor = activity.tensor_ratio;
  const sm = activity.sm_ratio;
  return [
    {
      key: "temperature",
      what: "Temperature",
      of: number("temperature.gpu_celsius", temperature.gpu_celsius),
      unit: "°C",
      limit: hot === null ? undefined : `it slows down at ${hot} °C`,
      label: hot === null ? "chip" : `of ${hot}`,
      part: of(temperature.gpu_celsius, hot),
      high: temperature.gpu_celsius !== null && hot !== null && temperature.gpu_celsius >= hot - 5,
    },
    {
      key: "power",
      what: "Power",
      of: number("power.draw_watts", power.draw_watts),
      unit: "W",
      limit: limit === null ? undefined : `its limit is ${count(limit)} W`,
      label: limit === null ? "power" : `of ${count(limit)}`,
      part: of(power.draw_watts, limit),
    },
    {
      key: "clock",
      what: "SM clock",
      of: number("clocks.sm_mhz", clocks.sm_mhz),
      unit: "GHz",
      limit: clocks.max_sm_mhz === null ? undefined : `at most ${count(clocks.max_sm_mhz)} MHz`,
      show: gigahertz,
      label: clocks.max_sm_mhz === null ? "SM clock" : `of ${gigahertz(clocks.max_sm_mhz)}`,
      part: of(clocks.sm_mhz, clocks.max_sm_mhz),
    },
    {
      key: "tensor",
      what: "Tensor activity: how much of the time a tensor pipe worked",
      of: number("activity.tensor_ratio", tensor === null ? null : tensor * 100),
      unit: "%",
      label: "tensor",
      part: tensor,
    },
    {
      key: "sm",
      what: "SM activity: how much of the time the processors had work",
      of: number("activity.sm_ratio", sm === null ? null : sm * 100),
      unit: "%",
      label: "SM active",
      part: sm,
    },
    {
      key: "bandwidth",
      what: "Memory bandwidth: how much of the time memory was read or written",
      of: number("utilization.memory_percent", utilization.memory_percent),
      unit: "%",
      label: "mem bw",
      part: of(utilization.memory_percent, 100),
    },
    {
      key: "fan",
      what: "Fan",
      of: number("fans", gpu.fans[0]?.speed_percent ?? null),
      unit: "%",
      label: gpu.fans.length > 1 ? "fan 1" : "fan",
      part: of(gpu.fans[0]?.speed_percent ?? null, 100),
    },
  ];
}
