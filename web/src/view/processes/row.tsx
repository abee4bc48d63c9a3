import { Component } from "preact";
import type { Gpu, Process } from "../../api/types";
import { Icon } from "../../part/icon";
import type { Column } from "./columns";
import { Details } from "./details";

interface Props {
  process: Process;
  gpu: Gpu | undefined;
  columns: readonly Column[];
  /** It is of then and not of now. */
  old: boolean;
  now: number;
  open: boolean;
  id: string;
  toggle: (id: string) => void;
}

/** A process. It is drawn anew only where something of it has changed: there may be thousands. */
export class Row extends Component<Props> {
  override shouldComponentUpdate(next: Props): boolean {
    const { props } = this;
    return (
      next.open !== props.open ||
      next.old !== props.old ||
      next.columns !== props.columns ||
      next.open ||
      next.gpu?.memory.total_bytes !== props.gpu?.memory.total_bytes ||
      // The running time is shown in minutes, but for the first.
      Math.floor(next.now / 60_000) !== Math.floor(props.now / 60_000) ||
      isYoung(next) ||
      !isSame(next.process, props.process)
    );
  }

  override render({ process, gpu, columns, old, now, open, id, toggle }: Props) {
    return (
      <>
        <tr class={[open && "open", old && "past"].filter(Boolean).join(" ") || undefined}>
          {columns.map(column => (
            <td key={column.key} data-column={column.key} class={column.number ? "number" : undefined}>
              {column.show(process, { gpu, now })}
            </td>
          ))}
          <td class="more">
            <button
              type="button"
              class="quiet"
              aria-expanded={open}
              aria-label={`Details of process ${process.pid ?? ""}`}
              onClick={() => toggle(id)}
            >
              <Icon name={open ? "up" : "down"} />
            </button>
          </td>
        </tr>
        {open && <Details process={process} span={columns.length + 1} now={now} />}
      </>
    );
  }
}

const isYoung = ({ process, now }: Props): boolean =>
  process.started_at !== null && now - process.started_at < 61_000;

function isSame(a: Process, b: Process): boolean {
  for (const key of Object.keys(a) as (keyof Process)[]) {
    if (key !== "absent" && a[key] !== b[key]) return false;
  }
  return true;
}
