import { useMemo } from "preact/hooks";
import type { Session } from "../../api/types";
import type { Calendar } from "../../model/calendar";
import { count, DASH, percent } from "../../model/format";
import type { DeviceRow } from "../../model/timeline";
import { hours } from "../../model/usage";
import { busyPercent, nameOfHolder } from "./session";

/** Sessions to list; a month of a busy host has thousands. */
const MAX_ROWS = 500;

/** Sessions as a table, the newest first. */
export function SessionTable({
  sessions,
  rows,
  calendar,
}: {
  sessions: readonly Session[];
  rows: readonly DeviceRow[];
  calendar: Calendar;
}) {
  const labels = useMemo(() => {
    const found = new Map<Session, string>();
    for (const row of rows) for (const session of row.sessions) found.set(session, row.label);
    return found;
  }, [rows]);
  if (sessions.length === 0) return <p class="nothing">Nobody used a GPU in this period.</p>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be had without a mouse
    <section class="scroll sessions" tabIndex={0} aria-label="Sessions, table">
      <table>
        <thead>
          <tr>
            {["From", "To", "Device", "User", "Command"].map(name => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
            {["Busy", "GPU-hours"].map(name => (
              <th key={name} scope="col" class="number">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sessions.slice(0, MAX_ROWS).map(session => {
            const busy = busyPercent(session);
            return (
              <tr key={session.id}>
                <td>{calendar.moment(session.first_at)}</td>
                <td>{session.open ? "still there" : calendar.moment(session.last_at)}</td>
                <td>{labels.get(session)}</td>
                <th scope="row">{nameOfHolder(session.user)}</th>
                <td class="command">{session.command ?? DASH}</td>
                <td class="number">{busy === null ? DASH : percent(busy)}</td>
                <td class="number">{hours(session.gpu_seconds)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {sessions.length > MAX_ROWS && (
        <p class="nothing">{count(sessions.length - MAX_ROWS)} older sessions are not listed.</p>
      )}
    </section>
  );
}
