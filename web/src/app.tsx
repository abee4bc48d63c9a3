import { useRef } from "preact/hooks";
import { route } from "./browser/route";
import { helpOpen } from "./browser/single-keys";
import { useLazy } from "./components/lazy";
import { link } from "./live/connection";
import type { Link } from "./live/follow";
import { hasSnapshot, late } from "./live/store";
import { Announcer } from "./view/announcer";
import { Banners } from "./view/banners";
import { ConnectingPage } from "./view/connecting";
import { ErrorBoundary } from "./view/error-boundary";
import { Footer } from "./view/footer";
import { GpuView } from "./view/gpu/gpu";
import { Header } from "./view/header";
import { LoginPage } from "./view/login";
import { origin } from "./view/origin";
import { Overview } from "./view/overview/overview";
import { EventsView, Help, UsageView, UsersView } from "./view/parts";
import { ProcessesView } from "./view/processes/view";
import { useViewFocus } from "./view/view-focus";

/** The whole page: the login form until the agent answers, then its views. */
export function App() {
  const connection = link.value;
  const { value: current } = route;
  useViewFocus(current.view === "gpu" ? `gpu ${current.gpu}` : current.view);
  const asksForToken = useRef(false);
  if (!hasSnapshot.value) {
    // The form stays while a token is tried, so that a second attempt keeps the input.
    if (connection.kind !== "connecting") asksForToken.current = connection.kind === "refused";
    return asksForToken.current ? (
      <LoginPage from={origin()} />
    ) : (
      <ConnectingPage link={connection} from={origin()} />
    );
  }
  if (current.view === "wall") return <WallPage />;
  return (
    <>
      <button type="button" class="skip" onClick={toMain}>
        Skip to the content
      </button>
      <Header />
      <main id="main" tabIndex={-1} class={late.value || isLost(connection) ? "old" : ""}>
        <Banners />
        <ErrorBoundary key={current.view}>
          <CurrentView />
        </ErrorBoundary>
      </main>
      <Footer />
      {helpOpen.value && <Help />}
      <Announcer />
    </>
  );
}

const loadWall = () => import("./view/wall/wall");

/** Every GPU on a large screen, without controls. */
function WallPage() {
  const lazy = useLazy(loadWall);
  if (lazy.kind === "loaded") return <lazy.part.Wall />;
  return (
    <main class="nothing" id="main">
      <h1 class="unseen">Wall</h1>
      {lazy.kind === "failed" && "This view could not be loaded. Reload the page."}
    </main>
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
    case "usage":
      return <UsageView />;
    case "events":
      return <EventsView />;
    default:
      return <Overview />;
  }
}

/** True if nothing arrives that could update the page. */
const isLost = ({ kind }: Link): boolean => kind === "unreachable" || kind === "refused";

// A button and no link: the fragment is the view's.
function toMain(): void {
  document.getElementById("main")?.focus();
}
