import { signingIn } from "../../api/token";
import { Banner } from "../../components/banner";
import { link, paused } from "../../live/connection";
import { duration } from "../../model/format";
import { authMessage } from "../../model/problem";
import { TokenForm } from "../../view/token-form";
import { WithoutToken } from "../../view/without-token";
import { late, notes, now, silence } from "../live/store";
import { namesHidden } from "./names";

/** Reasons why the values may be old: since when, and what to do. */
export function Banners() {
  return (
    <div class="banners">
      <LinkBanner />
      <NotesBanner />
      {signingIn.value && namesHidden.value && (
        <Banner severity="info" title="Sign in to see users.">
          Ask the administrator of this hub for a token.
          <TokenForm from="hub" />
          <button
            type="button"
            onClick={() => {
              signingIn.value = false;
            }}
          >
            Cancel
          </button>
        </Banner>
      )}
    </div>
  );
}

/** Notes that are shown; the others are counted. */
const MAX_NOTES = 3;

/** Problems of the hub's own files and lists of hosts, which keep their last good content. */
function NotesBanner() {
  const all = notes.value;
  if (all.length === 0) return null;
  const more = all.length - MAX_NOTES;
  return (
    <Banner severity="warning" title="A problem of this hub:">
      {all.slice(0, MAX_NOTES).map(note => (
        <div key={note}>{note}</div>
      ))}
      {more > 0 && `and ${more} more; run hub --check`}
    </Banner>
  );
}

function LinkBanner() {
  void now.value;
  const state = link.value;
  const old = `Values are ${duration(silence())} old.`;
  if (state.kind === "refused") {
    return (
      <Banner severity="critical" title={authMessage(state, "hub")}>
        {old} Enter another token:
        <TokenForm reported from="hub" />
        <WithoutToken />
      </Banner>
    );
  }
  if (state.kind === "unreachable") {
    return (
      <Banner severity="critical" title={state.problem.title}>
        {state.problem.why} {old} {paused.value ? "Resume the page to retry." : "Retrying."}
      </Banner>
    );
  }
  if (!late.value) return null;
  return (
    <Banner severity="warning" title="No new values.">
      {old} Retrying.
    </Banner>
  );
}
