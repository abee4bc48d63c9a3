import type { Event } from "../../api/types";
import { shown } from "../../live/store";
import { byDay, withoutGpu } from "../../model/events";
import { clock, exact } from "../../model/format";
import { GpuLink } from "../../part/gpu-link";
import { Icon, type IconName } from "../../part/icon";

/** So many are drawn; a host in trouble may have thousands. */
const MOST = 500;

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
  return (
    <div class="events">
      {byDay(events.slice(0, MOST), now).map(day => (
        <section key={day.name} aria-label={day.name}>
          <h3>{day.name}</h3>
          <ol>
            {day.events.map((event, at) => (
              <Line key={`${event.at} ${event.code} ${event.gpu_uuid} ${at}`} event={event} gpu={gpu} />
            ))}
          </ol>
        </section>
      ))}
      {events.length > MOST && <p class="nothing">And {events.length - MOST} older ones.</p>}
    </div>
  );
}

const ICONS: Record<string, IconName> = { ok: "check", warning: "warning", critical: "critical" };

function Line({ event, gpu }: { event: Event; gpu: boolean }) {
  const index = shown.value.find(each => event.gpu_uuid !== null && each.gpu.uuid === event.gpu_uuid)?.gpu
    .index;
  return (
    <li data-severity={event.severity}>
      <time dateTime={new Date(event.at).toISOString()} data-tip={exact(event.at)}>
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
