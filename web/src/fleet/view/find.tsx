import "../style/find.css";
import { useEffect, useState } from "preact/hooks";
import { requestJson } from "../../api/request";
import { CopyButton } from "../../components/copy";
import { link } from "../../live/connection";
import { bytes, noun } from "../../model/format";
import { shortName } from "../../model/gpu";
import { isOld } from "../live/store";
import { startWatch, watch } from "../live/watch";
import { findQuery, missingText, type Wish, wishOf, wishText } from "../model/find";
import { route, setQuery } from "../route";
import type { Found } from "../types";
import { hostAddress } from "./columns";

type Answer = { kind: "asking" } | { kind: "found"; found: Found } | { kind: "failed"; why: string };

/** Delay after the last change of the form before the hub is asked, in milliseconds. */
const TYPED_MS = 300;
/** Interval of asking again while the answer is on screen, in milliseconds. */
const AGAIN_MS = 10_000;

/** Form for what is needed, and the hosts where it fits. */
export function FindView() {
  const wish = wishOf(route.value.query);
  const query = findQuery(wish);
  const answer = current(useAnswer(query));
  return (
    <section class="panel find-view" aria-label="Find">
      <div class="tools">
        <h2>Find free GPUs</h2>
      </div>
      <WishForm wish={wish} />
      <div class="answer" aria-live="polite">
        {answer.kind === "asking" && <p class="nothing">Asking the hub …</p>}
        {answer.kind === "failed" && (
          <p class="problem" role="alert">
            {answer.why}
          </p>
        )}
        {answer.kind === "found" && <Result found={answer.found} wish={wish} />}
      </div>
    </section>
  );
}

/** An answer of a hub that answers: what it found before may be taken by now. */
const current = (answer: Answer): Answer =>
  isOld.value && answer.kind === "found"
    ? { kind: "failed", why: "Which GPUs are free is not known now." }
    : answer;

/** The hub's answer, renewed while the view is open. */
function useAnswer(query: string): Answer {
  const [answer, setAnswer] = useState<Answer>({ kind: "asking" });
  const isLive = link.value.kind === "live";
  useEffect(() => {
    const abort = new AbortController();
    const ask = async () => {
      if (document.visibilityState === "hidden") return;
      try {
        const found = await requestJson<Found>(`api/v1/find?${query}`, { signal: abort.signal });
        setAnswer({ kind: "found", found });
      } catch (error) {
        if (abort.signal.aborted) return;
        setAnswer({ kind: "failed", why: error instanceof Error ? error.message : String(error) });
      }
    };
    const first = setTimeout(() => void ask(), TYPED_MS);
    const timer = setInterval(() => void ask(), AGAIN_MS);
    return () => {
      abort.abort();
      clearTimeout(first);
      clearInterval(timer);
    };
  }, [query, isLive]);
  return answer;
}

const FIELDS: readonly (readonly [keyof Wish, label: string, placeholder: string])[] = [
  ["memory", "Free memory of each, in GiB", "40"],
  ["model", "Model contains", "H100"],
  ["mig", "MIG profile, or any", "1g.10gb"],
  ["labels", "Labels", "rack:a1"],
];

function WishForm({ wish }: { wish: Wish }) {
  return (
    <form class="wish" onSubmit={event => event.preventDefault()}>
      <label>
        Number
        <input
          type="number"
          min="1"
          max="64"
          value={wish.count}
          onInput={event => setQuery({ count: event.currentTarget.value })}
        />
      </label>
      {FIELDS.map(([name, label, placeholder]) => (
        <label key={name}>
          {label}
          <input
            type="text"
            value={String(wish[name])}
            placeholder={placeholder}
            spellcheck={false}
            autocomplete="off"
            onInput={event => setQuery({ [name]: event.currentTarget.value })}
          />
        </label>
      ))}
      <label class="check">
        <input
          type="checkbox"
          checked={wish.held}
          onChange={event => setQuery({ held: event.currentTarget.checked ? "true" : "" })}
        />
        Also idle GPUs whose memory is held
      </label>
    </form>
  );
}

function Result({ found, wish }: { found: Found; wish: Wish }) {
  if (!found.found) {
    return (
      <>
        <div class="no-fit">
          <p>
            <b>No host has {wishText(wish)} now.</b>
          </p>
          <Notify wish={wish} />
        </div>
        {found.nearest.length > 0 && (
          <>
            <h3>Nearest</h3>
            <ul class="choices">
              {found.nearest.map(({ host, fitting, missing }) => (
                <li key={host} class="choice-of">
                  <div>
                    <a href={hostAddress(host)} data-item>
                      {host}
                    </a>{" "}
                    <span class="fine">
                      {fitting} {noun(fitting, "device")} {noun(fitting, "fits", "fit")}
                    </span>
                    <ul class="missing-of fine">
                      {missing.map(each => (
                        <li key={each.what}>{missingText(each)}</li>
                      ))}
                    </ul>
                  </div>
                </li>
              ))}
            </ul>
          </>
        )}
      </>
    );
  }
  return (
    <ul class="choices">
      {found.choices.map(choice => (
        <li key={choice.host} class="choice-of">
          <div>
            <a href={hostAddress(choice.host)} data-item>
              {choice.host}
            </a>
            <ul class="devices">
              {choice.devices.map(device => (
                <li key={device.uuid}>
                  GPU {device.index} <span class="fine">{shortName(device.name)}</span>{" "}
                  {device.memory_free_bytes !== null && <b>{bytes(device.memory_free_bytes)} free</b>}
                </li>
              ))}
            </ul>
          </div>
          <div class="commands">
            {choice.command !== null && <CopyButton text={choice.command} label={choice.command} />}
            <CopyButton
              text={`export CUDA_VISIBLE_DEVICES=${choice.cuda_visible_devices}`}
              label="export CUDA_VISIBLE_DEVICES=…"
              name={`export CUDA_VISIBLE_DEVICES=… of ${choice.host}`}
            />
          </div>
        </li>
      ))}
    </ul>
  );
}

/** Button that waits for the wish. */
function Notify({ wish }: { wish: Wish }) {
  const isWaiting = watch.value?.kind === "waiting" && findQuery(watch.value.wish) === findQuery(wish);
  if (isWaiting) return <p class="fine">The hub is asked every ten seconds.</p>;
  return (
    <button type="button" class="primary" onClick={() => void startWatch(wish)}>
      Notify me when it fits
    </button>
  );
}
