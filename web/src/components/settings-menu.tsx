import type { ComponentChildren } from "preact";
import { forgetToken, token } from "../api/token";
import { contrast, shortcuts, theme } from "../browser/settings";
import { Choice } from "./choice";
import { Icon } from "./icon";
import { Popover } from "./popover";

interface Props {
  children?: ComponentChildren;
  version?: string | null | undefined;
}

/** Menu with the settings that all pages have, those of a page, and its version. */
export function SettingsMenu({ children, version }: Props) {
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
      {children}
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
      {version != null && <p class="fine">nvidia-smi-web-agent {version}</p>}
    </Popover>
  );
}

/** Forgets the token, and everything that it opened. */
function leave(): void {
  forgetToken();
  location.reload();
}
