import { useState } from "preact/hooks";
import { hostName, hubPath } from "../api/hub";
import { token } from "../api/token";
import { Logo } from "../components/logo";
import type { Link } from "../live/follow";
import type { Origin } from "../model/problem";
import { TokenForm } from "./token-form";

/** Page before the first answer. */
export function ConnectingPage({ link, from = "agent" }: { link: Link; from?: Origin }) {
  const [another, setAnother] = useState(false);
  const problem = link.kind === "unreachable" ? link.problem : null;
  return (
    <main class="login" id="main" aria-busy={problem === null}>
      <Logo />
      <h1>GPUs of {hostName() ?? location.hostname}</h1>
      <p role="status">
        {problem
          ? `${problem.title} ${problem.why}`
          : `Connecting to the ${from === "agent" ? "agent" : "hub"} …`}
      </p>
      {problem && <p class="fine">Retrying. {problem.hint}</p>}
      {another && <TokenForm from={from} />}
      {problem && token.value !== null && !another && (
        <button type="button" onClick={() => setAnother(true)}>
          Enter another token
        </button>
      )}
      {from === "host" && <a href={hubPath() ?? ""}>All hosts</a>}
    </main>
  );
}
