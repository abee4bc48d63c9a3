import { useEffect } from "preact/hooks";
import type { Peer } from "../../api/types";
import { Icon } from "../../components/icon";
import { WithTooltip } from "../../components/with-tooltip";
import { here, hosts, peers, pollPeers } from "../../live/peers";
import { hostname, released, shown, snapshot } from "../../live/store";
import { moment } from "../../model/format";
import { type PeerCounts, type PeerState, type Place, placeOf } from "../../model/peers";
import { type Count, totals } from "../../model/totals";

/** Other hosts, with the number of their free GPUs. */
export function PeerList() {
  useEffect(pollPeers, []);
  if (peers.value.length === 0) return null;
  const placed = peers.value.map(peer => ({ peer, place: placeOf(peer, here()) }));
  const named = placed.some(({ place }) => place === "here");
  return (
    <nav class="hosts" aria-label="Hosts">
      <ul>
        {!named && (
          <li>
            <Chip name={hostname.value ?? "this host"} url="#/" place="here" />
          </li>
        )}
        {placed.map(({ peer, place }) => (
          <li key={peer.name}>
            <Chip {...peer} place={place} />
          </li>
        ))}
      </ul>
    </nav>
  );
}

function Chip({ name, url, place }: Peer & { place: Place }) {
  const state = hosts.value.get(name);
  return (
    <a
      class="host"
      href={place === "here" ? "#/" : url}
      aria-current={place === "here" ? "true" : undefined}
      data-state={place === "beside" ? (state?.kind ?? "asking") : place}
    >
      <b>{name}</b>
      {place === "here" && <Counts of={own()} />}
      {place === "beside" && <Known state={state ?? { kind: "asking" }} />}
      {place === "elsewhere" && <Icon name="away" />}
    </a>
  );
}

const own = (): PeerCounts => {
  const state = snapshot.value?.collector.state ?? "starting";
  return {
    by: totals(
      shown.value.map(({ gpu }) => gpu),
      released.value,
    ).by,
    unwell: state === "ok" ? null : state,
  };
};

function Known({ state }: { state: PeerState }) {
  switch (state.kind) {
    case "asking":
      return <span class="fine">connecting</span>;
    case "told":
      return <Counts of={state.counts} />;
    case "token":
      return (
        <span class="fine">
          <Icon name="denied" /> token needed
        </span>
      );
    case "misnamed":
      return (
        <WithTooltip class="bad" tooltip={MISNAMED}>
          <Icon name="denied" /> refuses this host name
        </WithTooltip>
      );
    case "stranger":
      return (
        <span class="bad">
          <Icon name="error" /> no agent answers
        </span>
      );
    case "unreachable":
      return (
        <span class="bad">
          <Icon name="lost" /> unreachable since {moment(state.since, Date.now())}
        </span>
      );
  }
}

const ORDER: [Count, string][] = [
  ["free", "free"],
  ["busy", "busy"],
  ["held", "idle, held"],
  ["asleep", "asleep"],
  ["unknown", "unknown"],
  ["trouble", "in trouble"],
];

const MISNAMED = "Add the name to --allowed-hosts on that host, or set a token there.";

const UNWELL: Record<string, string> = {
  starting: "starting",
  stalled: "driver does not answer",
  restarting: "collector restarting",
  no_driver: "driver cannot be read",
  released: "driver released",
};

function Counts({ of: { by, unwell } }: { of: PeerCounts }) {
  const told = ORDER.filter(([key]) => by[key] > 0);
  return (
    <>
      {told.map(([key, word]) => (
        <span key={key} class="of" data-status={key}>
          <Icon name={key} />
          <b>{by[key]}</b> {word}
        </span>
      ))}
      {unwell !== null && <span class="bad">{UNWELL[unwell] ?? unwell}</span>}
      {told.length === 0 && unwell === null && <span class="fine">no GPU</span>}
    </>
  );
}
