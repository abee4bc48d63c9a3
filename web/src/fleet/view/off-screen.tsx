import { duration } from "../../model/format";
import { needsAllGpus } from "../live/start";
import { allGpusAt, allNames, hubNow, now } from "../live/store";
import { EVERY_HOST } from "../model/window";

/** Age of the GPUs of hosts that are not on screen, where the view depends on them: they are not streamed. */
export function AgeOffScreen() {
  void now.value;
  if (!needsAllGpus.value || allNames.value.length <= EVERY_HOST) return null;
  const at = allGpusAt.value;
  return (
    <span
      class="fine"
      data-tooltip="GPUs of hosts off screen are asked for every 10 s; those on screen are live."
    >
      {at === null ? "loading …" : `off screen ${duration(Math.max(0, hubNow() - at))} old`}
    </span>
  );
}
