import { computed } from "@preact/signals";
import { forgetToken, token } from "../api/token";
import { contrast, REFRESH_INTERVALS, refreshInterval, shortcuts, theme } from "../browser/settings";
import { Choice } from "../components/choice";
import { Icon } from "../components/icon";
import { Popover } from "../components/popover";
import { snapshot } from "../live/store";
import { SPACE } from "../model/format";

const version = computed(() => snapshot.value?.host.agent_version);

/** Settings. */
export function Menu() {
  return (
    <Popover
      name="menu"
      label="Settings"
      button={
        <>
          <Icon name="sliders" />
          <span class="unseen">Settings</span>
        </>
      }
    >
      <Choice
        legend="Colours"
        of={theme}
        options={[
          ["system", "System"],
          ["light", "Light"],
          ["dark", "Dark"],
        ]}
      />
      <Choice
        legend="Contrast"
        of={contrast}
        options={[
          ["system", "System"],
          ["more", "High"],
        ]}
      />
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
      <label class="check">
        <input
          type="checkbox"
          checked={shortcuts.value}
          onChange={event => {
            shortcuts.value = event.currentTarget.checked;
          }}
        />
        Keyboard shortcuts
      </label>
      {token.value !== null && (
        <button type="button" onClick={leave}>
          Sign out
        </button>
      )}
      <p class="fine">nvidia-smi-web-agent {version.value}</p>
    </Popover>
  );
}

/** Forgets the token, and everything that it opened. */
function leave(): void {
  forgetToken();
  location.reload();
}
