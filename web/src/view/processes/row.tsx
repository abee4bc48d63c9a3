import { Component, createRef } from "preact";
import type { Gpu, Process } from "../../api/types";
import { Icon } from "../../components/icon";
import { isSame } from "../../model/processes";
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

/** What is out of sight is drawn anew only so often, for those who do not look but listen or search. */
const OUT_OF_SIGHT = 5_000;

/** The rows that there are, by their elements: one observer for all of them. */
const rows = new WeakMap<Element, Row>();
let observer: IntersectionObserver | null = null;

function watch(line: Element, row: Row): void {
  // A little more than what is seen, so that what is scrolled to is of now.
  observer ??= new IntersectionObserver(
    entries => {
      for (const { target, isIntersecting } of entries) rows.get(target)?.see(isIntersecting);
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
 * A process. It is drawn anew only where something of it has changed, and while it is in sight: there may be thousands.
 */
export class Row extends Component<Props> {
  private readonly line = createRef<HTMLTableRowElement>();
  private inSight = true;
  private drawn: Props | null = null;
  // Not all at once.
  private readonly late = Math.random() * OUT_OF_SIGHT;

  override componentDidMount(): void {
    if (this.line.current) watch(this.line.current, this);
  }

  override componentWillUnmount(): void {
    if (this.line.current) unwatch(this.line.current);
  }

  /** It has come into sight, or has gone out of it. */
  see(inSight: boolean): void {
    const comes = inSight && !this.inSight;
    this.inSight = inSight;
    if (comes) this.forceUpdate();
  }

  override shouldComponentUpdate(next: Props): boolean {
    const { drawn } = this;
    if (!drawn || next.open) return true;
    if (next.open !== drawn.open || next.old !== drawn.old || next.columns !== drawn.columns) return true;
    if (!this.inSight && Math.abs(next.now - drawn.now) < OUT_OF_SIGHT + this.late) return false;
    return (
      next.gpu?.memory.total_bytes !== drawn.gpu?.memory.total_bytes ||
      // The running time is shown in minutes, but for the first.
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
        {open && <Details process={process} span={columns.length + 1} now={now} />}
      </>
    );
  }
}

const isYoung = ({ process, now }: Props): boolean =>
  process.started_at !== null && now - process.started_at < 61_000;
