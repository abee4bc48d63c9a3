import { Component } from "preact";
import { useMemo } from "preact/hooks";
import type { Event } from "../../api/types";
import { GpuLink } from "../../components/gpu-link";
import { Icon, type IconName } from "../../components/icon";
import { eventKey } from "../../live/events";
import { shown } from "../../live/store";
import { byDay, withoutGpu } from "../../model/events";
import { clock, exact } from "../../model/format";

/** Limit of events to draw; a host in trouble may have thousands. */
const MAX_EVENTS = 500;

/** Events, by day. */
export function EventList({
  events,
  now,
  gpu = true,
}: {
  events: readonly Event[];
  now: number;
  gpu?: boolean;
}) {
  const today = new Date(now).toDateString();
  const days = useMemo(() => byDay(events.slice(0, MAX_EVENTS), now), [events, today]);
  const indices = new Map(shown.value.map(each => [each.gpu.uuid, each.gpu.index]));
  // An event of the host has no GPU, and a GPU may have no UUID.
  indices.delete(null);
  return (
    <div class="events">
      {days.map(day => (
        <section key={day.name} aria-label={day.name}>
          <h3>{day.name}</h3>
          <ol>
            {day.events.map(event => (
              <Line key={eventKey(event)} event={event} gpu={gpu} index={indices.get(event.gpu_uuid)} />
            ))}
          </ol>
        </section>
      ))}
      {events.length > MAX_EVENTS && (
        <p class="nothing">{events.length - MAX_EVENTS} older events are not shown.</p>
      )}
    </div>
  );
}

const ICONS: Record<string, IconName> = { ok: "check", warning: "warning", critical: "critical" };

interface LineProps {
  event: Event;
  gpu: boolean;
  /** Current index of the event's GPU; undefined for an event without a GPU, or with one that is gone. */
  index: number | undefined;
}

/** Rendered again only if its GPU's index changes, since there may be hundreds. */
class Line extends Component<LineProps> {
  override shouldComponentUpdate(next: LineProps): boolean {
    return next.index !== this.props.index;
  }

  override render({ event, gpu, index }: LineProps) {
    return (
      <li data-severity={event.severity}>
        <time dateTime={new Date(event.at).toISOString()} data-tooltip={exact(event.at)}>
          {clock(event.at)}
        </time>
        <Icon name={ICONS[event.severity] ?? "info"} />
        <div>
          <p>
            <span class="unseen">{event.severity}: </span>
            {gpu && index === undefined && event.gpu_uuid !== null && <b>{event.gpu_uuid} </b>}
            {gpu && index !== undefined && (
              <>
                GPU <GpuLink index={index} />{" "}
              </>
            )}
            {index === undefined ? event.text : withoutGpu(event.text, index)}
          </p>
          {event.action && <p class="fine">{event.action}</p>}
        </div>
        <code>{event.code}</code>
      </li>
    );
  }
}
