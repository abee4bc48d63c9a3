import { Component, createRef } from "preact";
import type { Gpu, Process } from "../../api/types";
import { Icon } from "../../components/icon";
import { placeName } from "../../model/mig";
import { isSame } from "../../model/processes";
import type { Column } from "./columns";
import { Details } from "./details";

interface Props {
  process: Process;
  gpu: Gpu | undefined;
  columns: readonly Column[];
  /** True for a row of old values. */
  old: boolean;
  now: number;
  open: boolean;
  id: string;
  toggle: (id: string) => void;
}

/** Interval of rendering out of sight, in milliseconds, for screen readers and text search. */
const OUT_OF_SIGHT_MS = 5_000;

/** Rows by their elements: one observer for all. */
const rows = new WeakMap<Element, Row>();
let observer: IntersectionObserver | null = null;

function watch(line: Element, row: Row): void {
  // With a margin, so that rows are current when they scroll into view.
  observer ??= new IntersectionObserver(
    entries => {
      for (const { target, isIntersecting } of entries) rows.get(target)?.setInSight(isIntersecting);
    },
    { rootMargin: "120px" },
  );
  rows.set(line, row);
  observer.observe(line);
}

function unwatch(line: Element): void {
  observer?.unobserve(line);
}

/**
 * A process. There may be thousands, so it is rendered only if something visible changed, and rarely while out of
 * sight.
 */
export class Row extends Component<Props> {
  private readonly line = createRef<HTMLTableRowElement>();
  private inSight = true;
  private drawn: Props | null = null;
  // Spreads the rendering of rows out of sight.
  private readonly spread = Math.random() * OUT_OF_SIGHT_MS;

  override componentDidMount(): void {
    if (this.line.current) watch(this.line.current, this);
  }

  override componentWillUnmount(): void {
    if (this.line.current) unwatch(this.line.current);
  }

  /** It has scrolled into view, or out of it. */
  setInSight(inSight: boolean): void {
    const comes = inSight && !this.inSight;
    this.inSight = inSight;
    if (comes) this.forceUpdate();
  }

  override shouldComponentUpdate(next: Props): boolean {
    const { drawn } = this;
    if (!drawn || next.open) return true;
    if (next.open !== drawn.open || next.old !== drawn.old || next.columns !== drawn.columns) return true;
    if (!this.inSight && Math.abs(next.now - drawn.now) < OUT_OF_SIGHT_MS + this.spread) return false;
    return (
      next.gpu?.memory.total_bytes !== drawn.gpu?.memory.total_bytes ||
      placeName(next.gpu, next.process) !== placeName(drawn.gpu, drawn.process) ||
      // The running time is shown in minutes, except for the first.
      Math.floor(next.now / 60_000) !== Math.floor(drawn.now / 60_000) ||
      isYoung(next) ||
      !isSame(next.process, drawn.process)
    );
  }

  override render(props: Props) {
    const { process, gpu, columns, old, now, open, id, toggle } = props;
    this.drawn = props;
    return (
      <>
        <tr
          ref={this.line}
          role="row"
          class={[open && "open", old && "past"].filter(Boolean).join(" ") || undefined}
        >
          {columns.map(column => (
            <td
              key={column.key}
              role="cell"
              data-column={column.key}
              class={column.number ? "number" : undefined}
            >
              {column.number ? (
                <span class="cell">{column.show(process, { gpu, now })}</span>
              ) : (
                column.show(process, { gpu, now })
              )}
            </td>
          ))}
          <td role="cell" class="more">
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
        {open && <Details process={process} gpu={gpu} span={columns.length + 1} now={now} />}
      </>
    );
  }
}

const isYoung = ({ process, now }: Props): boolean =>
  process.started_at !== null && now - process.started_at < 61_000;
