import { computed } from "@preact/signals";
import { REFRESH_INTERVALS, refreshInterval } from "../browser/settings";
import { SettingsMenu } from "../components/settings-menu";
import { snapshot } from "../live/store";
import { SPACE } from "../model/format";

const version = computed(() => snapshot.value?.host.agent_version);

/** Settings. */
export function Menu() {
  return (
    <SettingsMenu version={version.value}>
      <label class="line">
        Refresh
        <select
          value={String(refreshInterval.value)}
          onChange={event => {
            refreshInterval.value = Number(event.currentTarget.value);
          }}
        >
          {REFRESH_INTERVALS.map(pace => (
            <option key={pace} value={String(pace)}>
              {pace === 0 ? "Live" : `Every ${pace / 1000}${SPACE}s`}
            </option>
          ))}
        </select>
      </label>
    </SettingsMenu>
  );
}
