import { useEffect } from "preact/hooks";
import type { Peer } from "../../api/types";
import { Icon } from "../../components/icon";
import { WithTooltip } from "../../components/with-tooltip";
import { pageLocation, peerStates, peers, pollPeers } from "../../live/peers";
import { hostname, released, shown, snapshot } from "../../live/store";
import { moment } from "../../model/format";
import { type PeerCounts, type PeerState, type Place, placeOf } from "../../model/peers";
import { MIG_ORDER, ORDER, totals, WORDS } from "../../model/totals";

/** Other hosts, with the number of their free GPUs. */
export function PeerList() {
  useEffect(pollPeers, []);
  if (peers.value.length === 0) return null;
  const placed = peers.value.map(peer => ({ peer, place: placeOf(peer, pageLocation()) }));
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
  const state = peerStates.value.get(name);
  return (
    <a
      class="host"
      href={place === "here" ? "#/" : url}
      aria-current={place === "here" ? "true" : undefined}
      data-state={place === "same_origin" ? (state?.kind ?? "asking") : place}
    >
      <b>{name}</b>
      {place === "here" && <Counts of={ownCounts()} />}
      {place === "same_origin" && <PeerStatus state={state ?? { kind: "asking" }} />}
      {place === "other_origin" && <Icon name="away" />}
    </a>
  );
}

const ownCounts = (): PeerCounts => {
  const state = snapshot.value?.collector.state ?? "starting";
  const { by, mig } = totals(
    shown.value.map(({ gpu }) => gpu),
    released.value,
  );
  return {
    by,
    mig,
    collectorState: state === "ok" ? null : state,
  };
};

function PeerStatus({ state }: { state: PeerState }) {
  switch (state.kind) {
    case "asking":
      return <span class="fine">connecting</span>;
    case "known":
      return <Counts of={state.counts} />;
    case "token":
      return (
        <span class="fine">
          <Icon name="denied" /> token needed
        </span>
      );
    case "refused_name":
      return (
        <WithTooltip class="bad" tooltip={REFUSED_NAME_HINT}>
          <Icon name="denied" /> refuses this host name
        </WithTooltip>
      );
    case "not_agent":
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

const REFUSED_NAME_HINT = "Add the name to --allowed-hosts on that host, or set a token there.";

const COLLECTOR_STATES: Record<string, string> = {
  starting: "starting",
  stalled: "driver does not answer",
  restarting: "collector restarting",
  no_driver: "driver cannot be read",
  released: "driver released",
};

function Counts({ of: { by, mig, collectorState } }: { of: PeerCounts }) {
  const visible = ORDER.filter(key => by[key] > 0);
  return (
    <>
      {visible.map(key => (
        <span key={key} class="of" data-status={key}>
          <Icon name={key} />
          <b>{by[key]}</b> {WORDS[key]}
        </span>
      ))}
      {mig &&
        MIG_ORDER.filter(key => mig[key] > 0).map(key => (
          <span key={`mig ${key}`} class="of" data-status={key}>
            <Icon name={key} />
            <b>{mig[key]}</b> MIG {WORDS[key]}
          </span>
        ))}
      {collectorState !== null && (
        <span class="bad">{COLLECTOR_STATES[collectorState] ?? collectorState}</span>
      )}
      {visible.length === 0 && collectorState === null && <span class="fine">no GPU</span>}
    </>
  );
}
