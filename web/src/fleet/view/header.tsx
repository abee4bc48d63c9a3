import { signingIn } from "../../api/token";
import { Icon } from "../../components/icon";
import { link, paused } from "../../live/connection";
import { duration } from "../../model/format";
import { late, now, silence } from "../live/store";
import { addressOf, route, VIEWS } from "../route";
import { Menu } from "./menu";
import { namesHidden } from "./names";

export function Header() {
  return (
    <header>
      <h1>
        <a href="#/">Fleet</a>
      </h1>
      <nav aria-label="Views">
        {VIEWS.map(([view, name]) => (
          <a key={view} href={addressOf(view)} aria-current={route.value.view === view ? "page" : undefined}>
            {name}
          </a>
        ))}
      </nav>
      <div class="controls">
        <Status />
        {namesHidden.value && (
          <button
            type="button"
            class="primary"
            data-tooltip="Names of users are hidden: sign in."
            onClick={() => {
              signingIn.value = true;
              scrollTo(0, 0);
            }}
          >
            <Icon name="key" />
            Sign in
          </button>
        )}
        <button
          type="button"
          class="quiet"
          aria-pressed={paused.value}
          data-tooltip={paused.value ? "Resume updates" : "Pause updates"}
          onClick={() => {
            paused.value = !paused.value;
          }}
        >
          <Icon name={paused.value ? "play" : "pause"} />
          <span class="wide">{paused.value ? "Resume" : "Pause"}</span>
          <span class="unseen narrow">{paused.value ? "Resume" : "Pause"}</span>
        </button>
        <Menu />
      </div>
    </header>
  );
}

/** State of the connection, in a word. */
export function Status() {
  void now.value;
  const [state, text] = words();
  return (
    <span class="status" data-state={state}>
      <i aria-hidden="true" />
      {text}
    </span>
  );
}

function words(): [state: string, text: string] {
  const old = () => `${duration(silence())} old`;
  if (link.value.kind === "refused") return ["refused", "token refused"];
  if (paused.value) return ["paused", `paused, ${old()}`];
  if (link.value.kind === "unreachable") return ["unreachable", `no answer, ${old()}`];
  if (link.value.kind === "connecting") return ["connecting", "connecting"];
  return late.value ? ["late", `late, ${old()}`] : ["live", "live"];
}
