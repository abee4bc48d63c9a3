import { hostName, hubPath } from "../api/hub";
import { format, type Route, route, type View } from "../browser/route";
import { Icon } from "../components/icon";
import { paused } from "../live/connection";
import { events, hostname } from "../live/store";
import { Menu } from "./menu";
import { seenEvents } from "./seen";
import { SignInButton } from "./sign-in";
import { Status } from "./status";
import { VIEWS } from "./views";

export function Header() {
  const host = hostName() ?? hostname.value ?? "this host";
  const hub = hubPath();
  return (
    <header>
      {hub !== null && (
        <a class="to-fleet" href={hub}>
          <Icon name="left" />
          <span>
            <span class="unseen">All hosts of the </span>fleet
          </span>
        </a>
      )}
      <h1>
        <a href="#/">{host}</a>
      </h1>
      <nav aria-label="Views">
        {VIEWS.map(([view, name]) => (
          <a
            key={view}
            href={format({ view, query: {} } as Route)}
            aria-current={isCurrent(view) ? "page" : undefined}
          >
            {name}
            {view === "events" && <NewEvents />}
          </a>
        ))}
      </nav>
      <div class="controls">
        <Status />
        <SignInButton />
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

/** The view of a GPU belongs to the overview. */
const isCurrent = (view: View): boolean =>
  route.value.view === view || (view === "overview" && route.value.view === "gpu");

/** Number of warnings and critical events since the events view was last open. */
function NewEvents() {
  const fresh = events.value.filter(event => event.at > seenEvents.value && event.severity !== "ok");
  if (fresh.length === 0) return null;
  const worst = fresh.some(event => event.severity === "critical") ? "critical" : "warning";
  return (
    <b class="badge" data-severity={worst}>
      {fresh.length > 99 ? "99+" : fresh.length}
      <span class="unseen"> new</span>
    </b>
  );
}
