import type { Session } from "../../api/types";
import type { Calendar } from "../../model/calendar";
import { bytes, duration, percent, plural } from "../../model/format";
import { ratio } from "../../model/usage";

export const nameOfHolder = (user: string | null): string => user ?? "no name";

/** Share of a session's time in which the GPU worked, in percent; null for a session without time. */
export function busyPercent({
  busy_gpu_seconds: busy,
  present_gpu_seconds: present,
}: Session): number | null {
  const share = ratio(busy, present);
  return share === null ? null : share * 100;
}

/** Owner, what, when and how busily, each as a line. */
export function describeSession(session: Session, calendar: Calendar): string[] {
  const { user, container, pod, job, command, first_at: from, last_at: to } = session;
  const busy = busyPercent(session);
  const places = [
    container !== null && container !== user ? `container ${container}` : "",
    pod === null ? "" : `pod ${pod}`,
    job === null ? "" : `job ${job}`,
  ].filter(place => place !== "");
  const numbers = [
    busy === null ? "" : `${percent(busy)} busy`,
    session.processes > 0 ? plural(session.processes, "process", "processes") : "",
    session.peak_memory_bytes > 0 ? `at most ${bytes(session.peak_memory_bytes)}` : "",
  ].filter(number => number !== "");
  const isOneDay = calendar.date(from) === calendar.date(to);
  return [
    [nameOfHolder(user), ...places].join(", "),
    command ?? "",
    `${calendar.moment(from)} – ${isOneDay ? calendar.time(to) : calendar.moment(to)} (${duration(to - from)})${session.open ? ", still there" : ""}`,
    numbers.join(", "),
  ].filter(line => line !== "");
}
