import type { Process } from "../../api/types";
import { agentNow, snapshot } from "../../live/store";
import { csv } from "../../model/csv";
import { fileTime } from "../../model/format";
import type { Column } from "./columns";

/** Downloads the visible rows and columns as CSV, in the API's names and units. */
export function exportCsv(rows: readonly Process[], columns: readonly Column[]): void {
  const records = rows.map(process => Object.assign({}, ...columns.map(column => column.raw(process))));
  const names = [...new Set(records.flatMap(record => Object.keys(record)))];
  const text = csv([names, ...records.map(record => names.map(name => record[name] ?? null))]);
  save(text, "text/csv", "csv");
}

/** Downloads the visible rows as JSON, whole, as in the API. */
export function exportJson(rows: readonly Process[]): void {
  save(`${JSON.stringify(rows, null, 2)}\n`, "application/json", "json");
}

function save(text: string, type: string, ending: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  link.download = `${snapshot.value?.host.hostname ?? "gpu"}-processes-${fileTime(agentNow())}.${ending}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
