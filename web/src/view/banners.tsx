import { prefix } from "../api/address";
import type { Collector } from "../api/types";
import { stored } from "../browser/stored";
import { Banner } from "../components/banner";
import { link, paused } from "../live/connection";
import { agentNow, late, now, snapshot } from "../live/store";
import { wordsOf } from "../model/collector";
import { duration, moment } from "../model/format";
import { authMessage } from "../model/problem";
import { origin } from "./origin";
import { SignInBanner } from "./sign-in";
import { TokenForm } from "./token-form";
import { WithoutToken } from "./without-token";

/** Reasons why the values may be wrong or old: since when, and what to do. */
export function Banners() {
  const newest = snapshot.value;
  if (!newest) return null;
  return (
    <div class="banners">
      <LinkBanner sampledAt={newest.sampled_at} />
      {link.value.kind !== "refused" && <SignInBanner />}
      <CollectorBanner collector={newest.collector} />
      <Updated version={newest.host.agent_version} />
    </div>
  );
}

function LinkBanner({ sampledAt }: { sampledAt: number }) {
  void now.value;
  const stands = link.value;
  const old = `Values are ${duration(agentNow() - sampledAt)} old.`;
  if (stands.kind === "refused") {
    return (
      <Banner severity="critical" title={authMessage(stands, origin())}>
        {old} Enter another token:
        <TokenForm reported from={origin()} />
        <WithoutToken />
      </Banner>
    );
  }
  if (stands.kind === "unreachable") {
    return (
      <Banner severity="critical" title={stands.problem.title}>
        {stands.problem.why} {old} {paused.value ? "Resume the page to retry." : "Retrying."}
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

function CollectorBanner({ collector }: { collector: Collector }) {
  if (collector.state === "ok") return null;
  const words = wordsOf(collector.state);
  return (
    <Banner severity={words.severity} title={words.title}>
      {collector.detail && <q>{collector.detail}</q>} Since {moment(collector.since, agentNow())}.{" "}
      {words.text}
    </Banner>
  );
}

/** Notes of this agent that were dismissed. */
const readNotes = stored<readonly string[]>(
  `read-notes:${prefix()}`,
  [],
  (value): value is readonly string[] => Array.isArray(value),
);

/** Notes about missing permissions and the like, until they are dismissed. */
export function Notes({ notes }: { notes: readonly string[] }) {
  const fresh = notes.filter(note => !readNotes.value.includes(note));
  if (fresh.length === 0) return null;
  return (
    <div class="banners">
      {fresh.map(note => (
        <Banner key={note} severity="info">
          {note}{" "}
          <button
            type="button"
            onClick={() => {
              // Notes that are gone are forgotten.
              readNotes.value = [...readNotes.value.filter(each => notes.includes(each)), note];
            }}
          >
            Do not show again
          </button>
        </Banner>
      ))}
    </div>
  );
}

let first: string | null = null;

/** Offers to reload a page that came from another version of the agent. */
function Updated({ version }: { version: string }) {
  first ??= version;
  if (first === version) return null;
  return (
    <Banner severity="info" title={`The agent is now version ${version}.`}>
      <button type="button" onClick={() => location.reload()}>
        Reload the page
      </button>
    </Banner>
  );
}
