import { Logo } from "../components/logo";
import { WithoutToken } from "./sign-in";
import { TokenForm } from "./token-form";

/** Login page, when the agent requires a token. */
export function LoginPage() {
  return (
    <main class="login" id="main">
      <Logo />
      <h1>GPUs of {location.hostname}</h1>
      <TokenForm />
      <WithoutToken />
      <p class="fine">
        This agent requires a token; ask its administrator for one. It is sent in the Authorization header, to
        this agent only.
      </p>
    </main>
  );
}
