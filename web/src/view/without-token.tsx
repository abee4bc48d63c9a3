import { forgetToken, signingIn, token } from "../api/token";

/** Way back from a token that is refused, where the page may be visible without one. */
export function WithoutToken() {
  if (token.value === null) return null;
  return (
    <button
      type="button"
      class="link"
      onClick={() => {
        signingIn.value = false;
        forgetToken();
      }}
    >
      Continue without a token
    </button>
  );
}
