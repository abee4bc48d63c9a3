import { useEffect, useRef, useState } from "preact/hooks";
import { type Keep, mistakeOf, signingIn, token, tryToken } from "../api/token";
import { link, paused } from "../live/connection";
import { authMessage, type Origin } from "../model/problem";

/** Form for the token. `reported` if the text beside it already reports a wrong token. */
export function TokenForm({ reported = false, from = "agent" }: { reported?: boolean; from?: Origin }) {
  const field = useRef<HTMLInputElement>(null);
  const [keep, setKeep] = useState<Keep>("tab");
  const [mistake, setMistake] = useState<string | null>(null);
  const refused = link.value.kind === "refused" ? link.value : null;
  const status = refused?.status ?? null;
  const wrong = refused !== null && token.value !== null;
  useEffect(() => {
    if (status === null && !signingIn.value) return;
    field.current?.focus();
    field.current?.select();
  }, [status]);
  const problem = mistake ?? (wrong && !reported ? authMessage(refused, from) : null);
  return (
    <form
      class="token"
      onSubmit={event => {
        event.preventDefault();
        const value = field.current?.value.trim() ?? "";
        const found = mistakeOf(value);
        setMistake(found);
        if (found !== null) {
          field.current?.focus();
          return;
        }
        tryToken(value, keep);
        // A user who enters a token wants to see the values.
        paused.value = false;
      }}
    >
      <label for="token">Token</label>
      <input
        id="token"
        ref={field}
        type="password"
        // Agents behind one proxy share an origin: a password manager could offer another agent's token.
        autocomplete="new-password"
        spellcheck={false}
        aria-invalid={problem !== null || wrong}
        aria-describedby={problem ? "token-problem" : undefined}
      />
      <button type="submit" class="primary">
        Sign in
      </button>
      {problem && (
        <p id="token-problem" class="problem" role="alert">
          {problem}
        </p>
      )}
      <label class="check">
        <input
          type="checkbox"
          checked={keep === "browser"}
          onChange={() => setKeep(keep === "tab" ? "browser" : "tab")}
        />
        Stay signed in on this browser
      </label>
    </form>
  );
}
