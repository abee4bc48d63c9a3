import { useMemo } from "preact/hooks";
import type { Usage } from "../../api/types";
import { format, route, setQuery } from "../../browser/route";
import { Swatch } from "../../components/bar";
import { GpuLink } from "../../components/gpu-link";
import { shown } from "../../live/store";
import { colourKeys } from "../../model/holders";
import { GROUPS, linesOf, orderOf, sumsOf, type UsageLine, type UsageQuery } from "../../model/usage";
import { presentOwners } from "./owners";
import { SumsTable } from "./sums-table";

/** Sums by group, with the sum of all. */
export function UsageTable({ report, query }: { report: Usage; query: UsageQuery }) {
  const order = orderOf(route.value.query["sort"]);
  const by = groupOf(report, query);
  const present = shown.value.map(({ gpu }) => `${gpu.uuid} ${gpu.index}`).join();
  const lines = useMemo(() => {
    const indices = new Map(shown.peek().map(({ gpu }) => [gpu.uuid, gpu.index]));
    return linesOf(report, by, indices);
  }, [report, present]);
  if (lines.length === 0) return <p class="nothing">Nobody used a GPU in this period.</p>;
  const sum = sumsOf(report.rows, report.device_seconds, report.price_gpu_hour?.amount ?? null);
  const keyOf = by === "user" ? colourKeys(presentOwners()).of : null;
  return (
    <SumsTable
      of={nameOf(by)}
      lines={lines}
      sum={sum}
      price={report.price_gpu_hour}
      order={order}
      sortBy={sort => setQuery({ sort })}
      name={line => <Name line={line} by={by} colour={keyOf} />}
    />
  );
}

/** Grouping of a report, which may be the one before while another is loaded. */
const groupOf = ({ by: [by] }: Usage, query: UsageQuery): UsageQuery["by"] =>
  GROUPS.find(([name]) => name === by)?.[0] ?? query.by;

const nameOf = (by: UsageQuery["by"]): string => GROUPS.find(([name]) => name === by)?.[1] ?? by;

interface NameProps {
  line: UsageLine;
  by: UsageQuery["by"];
  /** Key of a user's colour; null for other groups. */
  colour: ((user: string) => string) | null;
}

/** Name of a group; a user leads to what that user had, a GPU to its view. */
function Name({ line: { name }, by, colour }: NameProps) {
  if (name === null) return <span class="unnamed">{by === "user" ? "no name" : `no ${by}`}</span>;
  const gpu = by === "gpu" ? /^GPU (\d+)$/.exec(name) : null;
  if (gpu) {
    return (
      <>
        GPU <GpuLink index={Number(gpu[1])} />
      </>
    );
  }
  if (!colour) return <>{name}</>;
  const next = { ...route.value.query, user: name, by: "gpu", sort: "" };
  return (
    <a class="owner" href={format({ view: "usage", query: next })}>
      <Swatch of={colour(name)} />
      {name}
    </a>
  );
}
