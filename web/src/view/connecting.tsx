import { useState } from "preact/hooks";
import { token } from "../api/token";
import { Logo } from "../components/logo";
import type { Link } from "../live/follow";
import { TokenForm } from "./token-form";

/** Before anything is known: the agent was asked. */
export function ConnectingPage({ link }: { link: Link }) {
  const [another, setAnother] = useState(false);
  const trouble = link.kind === "unreachable" ? link.trouble : null;
  return (
    <main class="login" id="main" aria-busy={trouble === null}>
      <Logo />
      <h1>GPUs of {location.hostname}</h1>
      <p role="status">{trouble ? `${trouble.title} ${trouble.why}` : "Asking the agent …"}</p>
      {trouble && (
        <p class="fine">It is asked again by itself. Is nvidia-smi-web-agent running on that host?</p>
      )}
      {another && <TokenForm />}
      {trouble && token.value !== null && !another && (
        <button type="button" onClick={() => setAnother(true)}>
          Enter another token
        </button>
      )}
    </main>
  );
}
