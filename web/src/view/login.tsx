import { Logo } from "../components/logo";
import type { Sender } from "../model/problem";
import { TokenForm } from "./token-form";
import { WithoutToken } from "./without-token";

/** Login page, when a token is required. */
export function LoginPage({ from = "agent" }: { from?: Sender }) {
  return (
    <main class="login" id="main">
      <Logo />
      <h1>GPUs of {location.hostname}</h1>
      <TokenForm from={from} />
      <WithoutToken />
      <p class="fine">
        This {from} requires a token; ask its administrator for one. It is sent in the Authorization header,
        to this {from} only.
      </p>
    </main>
  );
}
