import { Logo } from "../components/logo";
import { TokenForm } from "./token-form";

/** Before anything is known: the agent wants a token. */
export function LoginPage() {
  return (
    <main class="login" id="main">
      <Logo />
      <h1>GPUs of {location.hostname}</h1>
      <TokenForm />
      <p class="fine">
        The administrator has set a token (the variable TOKEN) for this agent. It is sent in the header
        Authorization and to this agent alone.
      </p>
    </main>
  );
}
