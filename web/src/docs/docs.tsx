import { signal } from "@preact/signals";
import { prefix } from "../api/address";
import { isUnauthorized, requestJson } from "../api/request";
import { forgetToken, isSendable, storeTriedToken, tryToken } from "../api/token";
import type { OpenApi } from "./document";
import { Reference } from "./reference";

const shown = signal<OpenApi | "loading" | "token" | { failed: string }>("loading");

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
      forgetToken();
      shown.value = "token";
    } else {
      shown.value = { failed: error instanceof Error ? error.message : String(error) };
    }
  }
}

/** The target of the address exists only now. */
function scrollToTarget(): void {
  const target = decodeURIComponent(location.hash.slice(1));
  if (target) requestAnimationFrame(() => document.getElementById(target)?.scrollIntoView());
}

void load();

export function Docs() {
  const state = shown.value;
  if (state === "loading") return <p class="notice">Loading the document…</p>;
  if (state === "token") return <SignIn />;
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

function SignIn() {
  const send = (event: SubmitEvent) => {
    event.preventDefault();
    const value = String(new FormData(event.currentTarget as HTMLFormElement).get("token") ?? "").trim();
    if (value === "" || !isSendable(value)) return;
    tryToken(value, "tab");
    void load();
  };
  return (
    <main class="notice">
      <h1>API reference</h1>
      <form onSubmit={send}>
        <label>
          This agent requires a token.
          <input name="token" type="password" autocomplete="off" required />
        </label>
        <button type="submit">Sign in</button>
      </form>
    </main>
  );
}
