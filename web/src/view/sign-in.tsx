import { signingIn } from "../api/token";
import { Banner } from "../components/banner";
import { Icon } from "../components/icon";
import { namesHidden } from "../live/store";
import { TokenForm } from "./token-form";

const open = (): void => {
  signingIn.value = true;
  scrollTo(0, 0);
};

/** Button of the header, while users are hidden. */
export function SignInButton() {
  if (!namesHidden.value) return null;
  return (
    <button type="button" class="primary" data-tooltip="Names of users are hidden: sign in." onClick={open}>
      <Icon name="key" />
      Sign in
    </button>
  );
}

/** Hint beside lists of users, while they are hidden. */
export function HiddenNames() {
  if (!namesHidden.value) return null;
  return (
    <p class="fine hidden-names">
      Names are hidden.{" "}
      <button type="button" class="link" onClick={open}>
        Sign in
      </button>
    </p>
  );
}

/** Form for a token, where the page is also visible without one. */
export function SignInBanner() {
  if (!signingIn.value || !namesHidden.value) return null;
  return (
    <Banner severity="info" title="Sign in to see users and commands.">
      Ask the administrator of this host for a token.
      <TokenForm />
      <button
        type="button"
        onClick={() => {
          signingIn.value = false;
        }}
      >
        Cancel
      </button>
    </Banner>
  );
}
