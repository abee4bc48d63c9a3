import { useEffect, useRef, useState } from "preact/hooks";
import { isSendable, type Keep, token, tryToken } from "../api/token";
import { link, paused } from "../live/store";
import { authMessage } from "../model/problem";

/** Asks for the token. Enter sends it. `told` where it is said beside it that the token is wrong. */
export function TokenForm({ told = false }: { told?: boolean }) {
  const field = useRef<HTMLInputElement>(null);
  const [how, setHow] = useState<Keep>("tab");
  const [slip, setSlip] = useState<string | null>(null);
  const status = link.value.kind === "refused" ? link.value.status : null;
  const wrong = status !== null && token.value !== null;
  useEffect(() => {
    if (status === null) return;
    field.current?.focus();
    field.current?.select();
  }, [status]);
  const problem = slip ?? (wrong && !told ? authMessage(status) : null);
  return (
    <form
      class="token"
      onSubmit={event => {
        event.preventDefault();
        const value = field.current?.value.trim() ?? "";
        const found = slipOf(value);
        setSlip(found);
        if (found !== null) {
          field.current?.focus();
          return;
        }
        tryToken(value, how);
        // Who gives a token wants to see what it opens.
        paused.value = false;
      }}
    >
      <label for="token">Token</label>
      <input
        id="token"
        ref={field}
        type="password"
        // Agents behind one proxy share an origin: what a browser offers would be any of theirs.
        autocomplete="new-password"
        spellcheck={false}
        aria-invalid={problem !== null || wrong}
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

/** What is wrong with a token that was typed; null where nothing is. */
function slipOf(value: string): string | null {
  if (value === "") return "Enter the token.";
  return isSendable(value) ? null : "A token has no control characters: copy it anew.";
}
