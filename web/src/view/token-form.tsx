import { useEffect, useRef, useState } from "preact/hooks";
import { type Keep, keep, token } from "../api/token";
import { link } from "../live/store";

/** Asks for the token. Enter sends it. `told` where it is said beside it that the token is wrong. */
export function TokenForm({ told = false }: { told?: boolean }) {
  const field = useRef<HTMLInputElement>(null);
  const [how, setHow] = useState<Keep>("tab");
  const [empty, setEmpty] = useState(false);
  const refused = link.value.kind === "refused";
  const wrong = refused && token.value !== null;
  useEffect(() => {
    if (!refused) return;
    field.current?.focus();
    field.current?.select();
  }, [refused]);
  const problem = empty ? "Enter the token." : wrong && !told ? "The agent refuses this token." : null;
  return (
    <form
      class="token"
      onSubmit={event => {
        event.preventDefault();
        const value = field.current?.value.trim() ?? "";
        setEmpty(value === "");
        if (value === "") field.current?.focus();
        else keep(value, how);
      }}
    >
      <label for="token">Token</label>
      <input
        id="token"
        ref={field}
        type="password"
        autocomplete="current-password"
        spellcheck={false}
        aria-invalid={empty || wrong}
        aria-describedby={problem ? "token-problem" : undefined}
      />
      <button type="submit" class="primary">
        Send
      </button>
      {problem && (
        <p id="token-problem" class="problem" role="alert">
          {problem}
        </p>
      )}
      <label class="check">
        <input
          type="checkbox"
          checked={how === "browser"}
          onChange={() => setHow(how === "tab" ? "browser" : "tab")}
        />
        Keep it in this browser, and not only in this tab
      </label>
    </form>
  );
}
