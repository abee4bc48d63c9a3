import { useRef } from "preact/hooks";
import { route } from "./browser/route";
import type { Link } from "./live/follow";
import { hasSnapshot, late, link } from "./live/store";
import { Announcer } from "./view/announcer";
import { Banners } from "./view/banners";
import { ConnectingPage } from "./view/connecting";
import { ErrorBoundary } from "./view/error-boundary";
import { EventsView } from "./view/events/view";
import { GpuView } from "./view/gpu/gpu";
import { Header } from "./view/header";
import { LoginPage } from "./view/login";
import { Overview } from "./view/overview/overview";
import { ProcessesView } from "./view/processes/view";
import { UsersView } from "./view/users";
import { useViewFocus } from "./view/view-focus";

/** The whole page: a form until the agent talks to us, then its views. */
export function App() {
  const stands = link.value;
  const { value: current } = route;
  useViewFocus(current.view === "gpu" ? `gpu ${current.gpu}` : current.view);
  const asksForToken = useRef(false);
  if (!hasSnapshot.value) {
    // While a token is tried the form stays, so that the next attempt begins where this one ended.
    if (stands.kind !== "connecting") asksForToken.current = stands.kind === "refused";
    return asksForToken.current ? <LoginPage /> : <ConnectingPage link={stands} />;
  }
  return (
    <>
      <button type="button" class="skip" onClick={toMain}>
        Skip to the content
      </button>
      <Header />
      <main id="main" tabIndex={-1} class={late.value || isLost(stands) ? "old" : ""}>
        <Banners />
        <ErrorBoundary key={current.view}>
          <CurrentView />
        </ErrorBoundary>
      </main>
      <Announcer />
    </>
  );
}

function CurrentView() {
  const current = route.value;
  switch (current.view) {
    case "gpu":
      return <GpuView name={current.gpu} />;
    case "processes":
      return <ProcessesView />;
    case "users":
      return <UsersView />;
    case "events":
      return <EventsView />;
    default:
      return <Overview />;
  }
}

/** Whether nothing comes of which what is shown could be. */
const isLost = ({ kind }: Link): boolean => kind === "unreachable" || kind === "refused";

// The fragment is the view's, so this is no link.
function toMain(): void {
  document.getElementById("main")?.focus();
}
