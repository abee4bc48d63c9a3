import type { ComponentChildren } from "preact";
import { prefix } from "../api/address";
import type { Collector } from "../api/types";
import { kept } from "../browser/stored";
import { Icon } from "../components/icon";
import { agentNow, late, link, now, paused, snapshot } from "../live/store";
import { duration, moment } from "../model/format";
import { authMessage } from "../model/problem";
import { TokenForm } from "./token-form";

/** What stands between what is shown and what is: in plain words, with since when and what to do. */
export function Banners() {
  const newest = snapshot.value;
  if (!newest) return null;
  return (
    <div class="banners">
      <LinkBanner sampledAt={newest.sampled_at} />
      <CollectorBanner collector={newest.collector} />
      <Updated version={newest.host.agent_version} />
    </div>
  );
}

export function Banner({
  severity,
  title,
  children,
}: {
  severity: "critical" | "warning" | "info";
  title?: string;
  children: ComponentChildren;
}) {
  return (
    <div class="banner" data-severity={severity}>
      <Icon name={severity} />
      <div>
        {title && <b>{title} </b>}
        {children}
      </div>
    </div>
  );
}

function LinkBanner({ sampledAt }: { sampledAt: number }) {
  void now.value;
  const stands = link.value;
  const old = `What is shown is ${duration(agentNow() - sampledAt)} old.`;
  if (stands.kind === "refused") {
    return (
      <Banner severity="critical" title={authMessage(stands.status)}>
        {old} Enter another:
        <TokenForm told />
      </Banner>
    );
  }
  if (stands.kind === "unreachable") {
    return (
      <Banner severity="critical" title={stands.trouble.title}>
        {stands.trouble.why} {old}{" "}
        {paused.value ? "It is asked again when the page goes on." : "It is asked again by itself."}
      </Banner>
    );
  }
  if (!late.value) return null;
  return (
    <Banner severity="warning" title="The agent tells nothing new.">
      {old} It is asked again by itself.
    </Banner>
  );
}

const STATES: Record<string, { severity: "critical" | "warning" | "info"; title: string; text: string }> = {
  starting: { severity: "info", title: "The agent has just started.", text: "The GPUs are being asked." },
  stalled: {
    severity: "warning",
    title: "The driver does not answer.",
    text: "What is shown is what it said last. The agent goes on by itself when the call returns.",
  },
  restarting: {
    severity: "warning",
    title: "The driver is being read anew.",
    text: "What reads it has ended, and is started again by itself.",
  },
  no_driver: {
    severity: "critical",
    title: "The driver cannot be read.",
    text: "The agent tries again every two seconds, and goes on by itself when the driver is there.",
  },
  released: {
    severity: "info",
    title: "The administrator has let the driver go.",
    text: "Nothing of the agent holds a GPU. It goes on when the time is over, or with “nvidia-smi-web-agent resume”.",
  },
};

function CollectorBanner({ collector }: { collector: Collector }) {
  if (collector.state === "ok") return null;
  const words = STATES[collector.state] ?? {
    severity: "warning" as const,
    title: `The collector is ${collector.state}.`,
    text: "",
  };
  return (
    <Banner severity={words.severity} title={words.title}>
      {collector.detail && <q>{collector.detail}</q>} Since {moment(collector.since, agentNow())}.{" "}
      {words.text}
    </Banner>
  );
}

/** Those that were read, of this agent. */
const readNotes = kept<readonly string[]>(`read-notes:${prefix()}`, [], (value): value is readonly string[] =>
  Array.isArray(value),
);

/** What keeps the agent from seeing all. Once it is read it need not be read again. */
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
              // What is no longer said need not be remembered.
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

/** A page that came from another version than the one that answers may not know all. */
function Updated({ version }: { version: string }) {
  first ??= version;
  if (first === version) return null;
  return (
    <Banner severity="info" title={`The agent is now version ${version}.`}>
      <button type="button" onClick={() => location.reload()}>
        Load its page
      </button>
    </Banner>
  );
}
