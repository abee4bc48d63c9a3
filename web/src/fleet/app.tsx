import { useRef } from "preact/hooks";
import { helpOpen } from "../browser/single-keys";
import { useLazy } from "../components/lazy";
import { link } from "../live/connection";
import { ConnectingPage } from "../view/connecting";
import { ErrorBoundary } from "../view/error-boundary";
import { LoginPage } from "../view/login";
import { useViewFocus } from "../view/view-focus";
import { hasFleet, isOld } from "./live/store";
import { route, type View } from "./route";
import { Announcer } from "./view/announcer";
import { Banners } from "./view/banners";
import { Footer } from "./view/footer";
import { Header } from "./view/header";
import { HostsView } from "./view/hosts";
import { WatchBanner } from "./view/watch";

/** The whole page: the login form until the hub answers, then its views. */
export function App() {
  const connection = link.value;
  const { view } = route.value;
  useViewFocus(view);
  const asksForToken = useRef(false);
  if (!hasFleet.value) {
    // The form stays while a token is tried, so that a second attempt keeps the input.
    if (connection.kind !== "connecting") asksForToken.current = connection.kind === "refused";
    return asksForToken.current ? <LoginPage from="hub" /> : <ConnectingPage link={connection} from="hub" />;
  }
  if (view === "wall") return <Part view="wall" />;
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById("main")?.focus()}>
        Skip to the content
      </button>
      <Header />
      <main id="main" tabIndex={-1} class={isOld.value ? "old" : ""}>
        <Banners />
        <WatchBanner />
        <ErrorBoundary key={view}>
          <Main view={view} />
        </ErrorBoundary>
      </main>
      <Footer />
      {helpOpen.value && <Part view="help" />}
      <Announcer />
    </>
  );
}

const loadMore = () => import("./view/more");
const loadUsage = () => import("./view/usage");

function Main({ view }: { view: Exclude<View, "wall"> }) {
  if (view === "hosts") return <HostsView />;
  return view === "usage" ? <Usage /> : <Part view={view} />;
}

/** Usage, in a file of its own: most who open the page do not look at it. */
function Usage() {
  const lazy = useLazy(loadUsage);
  if (lazy.kind === "loaded") return <lazy.part.UsageView />;
  return lazy.kind === "loading" ? null : <Failed />;
}

/** A part that is not in the first load. */
function Part({ view }: { view: "find" | "users" | "wall" | "help" }) {
  const lazy = useLazy(loadMore);
  if (lazy.kind === "loaded") {
    const { FindView, UsersView, Wall, HelpDialog } = lazy.part;
    switch (view) {
      case "find":
        return <FindView />;
      case "users":
        return <UsersView />;
      case "wall":
        return <Wall />;
      default:
        return <HelpDialog />;
    }
  }
  return lazy.kind === "loading" ? null : <Failed />;
}

function Failed() {
  return (
    <p class="nothing" role="status">
      This part of the page could not be loaded.{" "}
      <button type="button" onClick={() => location.reload()}>
        Reload the page
      </button>
    </p>
  );
}
