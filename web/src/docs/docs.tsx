import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { prefix } from "../api/address";
import { isUnauthorized, requestJson } from "../api/request";
import { mistakeOf, storeTriedToken, token, tryToken } from "../api/token";
import { authMessage } from "../model/problem";
import type { OpenApi } from "./document";
import { Reference } from "./reference";

/** `refused` is the reason why the agent does not accept the token; null if none was sent. */
const shown = signal<OpenApi | "loading" | { refused: string | null } | { failed: string }>("loading");

/** Loads the document, with the page's token if there is one. */
async function load(): Promise<void> {
  shown.value = "loading";
  try {
    const document = await requestJson<OpenApi>("openapi.json");
    storeTriedToken();
    shown.value = document;
    scrollToTarget();
  } catch (error) {
    if (isUnauthorized(error)) {
      shown.value = {
        refused: token.value === null ? null : authMessage({ status: error.status, why: error.message }),
      };
    } else {
      shown.value = { failed: error instanceof Error ? error.message : String(error) };
    }
  }
}

/** The target of the address exists only now. */
function scrollToTarget(): void {
  const target = fragment();
  if (target) requestAnimationFrame(() => document.getElementById(target)?.scrollIntoView());
}

/** Fragment of the address; as it is if it is no encoded text, such as `%`. */
function fragment(): string {
  const encoded = location.hash.slice(1);
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}

void load();

export function Docs() {
  const state = shown.value;
  if (state === "loading") return <p class="notice">Loading the document…</p>;
  if ("refused" in state) return <SignIn refused={state.refused} />;
  if ("failed" in state) {
    return (
      <main class="notice">
        <p role="alert">The document cannot be loaded: {state.failed}</p>
        <button type="button" onClick={() => void load()}>
          Try again
        </button>
      </main>
    );
  }
  return <Reference document={state} base={location.origin + prefix()} />;
}

function SignIn({ refused }: { refused: string | null }) {
  const field = useRef<HTMLInputElement>(null);
  const [mistake, setMistake] = useState<string | null>(null);
  useEffect(() => {
    if (refused !== null) field.current?.focus();
  }, [refused]);
  const send = (event: SubmitEvent) => {
    event.preventDefault();
    const value = field.current?.value.trim() ?? "";
    const found = mistakeOf(value);
    setMistake(found);
    if (found !== null) {
      field.current?.focus();
      return;
    }
    tryToken(value, "tab");
    void load();
  };
  const problem = mistake ?? refused;
  return (
    <main class="notice">
      <h1>API reference</h1>
      <form onSubmit={send}>
        <label>
          This agent requires a token.
          <input
            ref={field}
            type="password"
            autocomplete="off"
            aria-invalid={problem !== null}
            aria-describedby={problem ? "token-problem" : undefined}
          />
        </label>
        {problem && (
          <p id="token-problem" role="alert">
            {problem}
          </p>
        )}
        <button type="submit">Sign in</button>
      </form>
    </main>
  );
}
