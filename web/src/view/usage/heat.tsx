import { useMemo } from "preact/hooks";
import type { Usage } from "../../api/types";
import type { Answer } from "../../live/usage";
import type { Calendar } from "../../model/calendar";
import { ratio } from "../../model/format";
import { extremes, type HeatMap, type HeatPeak, heatOf, weekdays } from "../../model/heat";
import { Problem } from "./problem";

const HOURS = Array.from({ length: 24 }, (_, hour) => hour);

/** Occupied share of the device time by weekday and hour. */
export function HeatMapPanel({
  answer: { value: report, failure, asking },
  gpus,
  calendar,
}: {
  answer: Answer<Usage>;
  gpus: number;
  calendar: Calendar;
}) {
  const map = useMemo(() => report && heatOf(report, gpus, calendar), [report, gpus, calendar.name]);
  return (
    <section class="panel" aria-label="Occupancy by weekday and hour" aria-busy={asking}>
      <div class="tools">
        <h3>Occupancy by weekday and hour</h3>
        <span class="fine">In percent of the device time, times in {calendar.name}</span>
        <Scale />
      </div>
      {failure && <Problem failure={failure} retry={null} />}
      {!map && !failure && <p class="nothing">Loading the hours …</p>}
      {map && <Heat map={map} />}
    </section>
  );
}

/** Colours of the map. */
function Scale() {
  return (
    <span class="heat-scale fine">
      0{" "}
      {[0, 0.25, 0.5, 0.75, 1].map(part => (
        <i key={part} style={{ "--heat": part }} aria-hidden="true" />
      ))}{" "}
      100
    </span>
  );
}

function Heat({ map }: { map: HeatMap }) {
  const days = useMemo(() => weekdays(), []);
  // A day of the week that the period does not contain has no line.
  const visible = days.filter(({ weekday }) => map[weekday]?.some(share => share !== null));
  const found = extremes(map);
  const name = ({ weekday, hour }: HeatPeak) =>
    `${days.find(day => day.weekday === weekday)?.long} ${span(hour)}`;
  return (
    <>
      <table class="heat">
        <caption class="unseen">Occupied share of the device time by weekday and hour, in percent</caption>
        <thead>
          <tr>
            <td />
            {HOURS.map(hour => (
              <th key={hour} scope="col">
                <span class="unseen">{span(hour)}</span>
                <span aria-hidden="true">{hour}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {visible.map(({ weekday, short, long }) => (
            <tr key={weekday}>
              <th scope="row">
                <abbr title={long}>{short}</abbr>
              </th>
              {HOURS.map(hour => (
                <Cell key={hour} share={map[weekday]?.[hour] ?? null} name={`${long} ${span(hour)}`} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {found && (
        <p class="fine heat-text">
          Most: {name(found.most)}, {ratio(found.most.share)}.
          {found.least.share < found.most.share &&
            ` Least: ${name(found.least)}, ${ratio(found.least.share)}.`}
        </p>
      )}
    </>
  );
}

/** `14:00–15:00`. */
const span = (hour: number): string => `${hour}:00–${hour + 1}:00`;

function Cell({ share, name }: { share: number | null; name: string }) {
  if (share === null) {
    return (
      <td class="none" data-tooltip={`${name}: not in this period`}>
        <span class="unseen">not in this period</span>
      </td>
    );
  }
  return (
    <td data-tooltip={`${name}: ${ratio(share)} occupied`} style={{ "--heat": share }}>
      <span>{Math.round(share * 100)}</span>
    </td>
  );
}
