import { forgetToken, token } from "../../api/token";
import { contrast, shortcuts, theme } from "../../browser/settings";
import { Choice } from "../../components/choice";
import { Icon } from "../../components/icon";
import { Popover } from "../../components/popover";

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
        <button
          type="button"
          onClick={() => {
            // Forgets the token, and everything that it opened.
            forgetToken();
            location.reload();
          }}
        >
          Sign out
        </button>
      )}
    </Popover>
  );
}
