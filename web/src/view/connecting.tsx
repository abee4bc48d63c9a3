import { useState } from "preact/hooks";
import { token } from "../api/token";
import { Logo } from "../components/logo";
import type { Link } from "../live/follow";
import type { Sender } from "../model/problem";
import { TokenForm } from "./token-form";

/** Page before the first answer. */
export function ConnectingPage({ link, from = "agent" }: { link: Link; from?: Sender }) {
  const [another, setAnother] = useState(false);
  const problem = link.kind === "unreachable" ? link.problem : null;
  return (
    <main class="login" id="main" aria-busy={problem === null}>
      <Logo />
      <h1>GPUs of {location.hostname}</h1>
      <p role="status">{problem ? `${problem.title} ${problem.why}` : `Connecting to the ${from} …`}</p>
      {problem && <p class="fine">Retrying. {problem.hint}</p>}
      {another && <TokenForm from={from} />}
      {problem && token.value !== null && !another && (
        <button type="button" onClick={() => setAnother(true)}>
          Enter another token
        </button>
      )}
    </main>
  );
}
