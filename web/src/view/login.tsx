import { hostName } from "../api/hub";
import { Logo } from "../components/logo";
import type { Origin } from "../model/problem";
import { TokenForm } from "./token-form";
import { WithoutToken } from "./without-token";

/** Login page, when a token is required. */
export function LoginPage({ from = "agent" }: { from?: Origin }) {
  const program = from === "host" ? "hub" : from;
  return (
    <main class="login" id="main">
      <Logo />
      <h1>GPUs of {hostName() ?? location.hostname}</h1>
      <TokenForm from={from} />
      <WithoutToken />
      <p class="fine">
        This {program} requires a token; ask its administrator for one. It is sent in the Authorization
        header, to this {program} only.
      </p>
    </main>
  );
}
