import { signal } from "@preact/signals";

/** Current view. It is in the URL fragment, so that only `/` is ever requested. */
export type Route =
  | { view: "overview"; query: Query }
  | { view: "gpu"; gpu: string; query: Query }
  | { view: "processes" | "users" | "usage" | "events" | "wall"; query: Query };

/** Parameters of the view in the URL, such as `?user=alice`. */
export type Query = Readonly<Record<string, string>>;

export type View = Route["view"];

const NAMED = ["processes", "users", "usage", "events", "wall"] as const;

export function parse(fragment: string): Route {
  const [path = "", search = ""] = fragment.replace(/^#\/?/, "").split("?", 2);
  const query: Query = Object.fromEntries(new URLSearchParams(search));
  const [view = "", rest] = path.split("/");
  if (view === "gpu" && rest) return { view, gpu: decode(rest), query };
  const named = NAMED.find(each => each === view);
  if (named) return { view: named, query };
  return { view: "overview", query };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** URL fragment of a route, without empty parameters. */
export function format(route: Route): string {
  const path =
    route.view === "overview"
      ? ""
      : route.view === "gpu"
        ? `gpu/${encodeURIComponent(route.gpu)}`
        : route.view;
  const params = Object.entries(route.query).filter(([, value]) => value !== "");
  const search = new URLSearchParams(params).toString();
  return `#/${path}${search ? `?${search}` : ""}`;
}

export const route = signal<Route>({ view: "overview", query: {} });

export function followAddress(): void {
  const follow = () => {
    route.value = parse(location.hash);
  };
  follow();
  addEventListener("hashchange", follow);
}

/** Changes parameters of the view in the URL without a new entry in the browser's history. */
export function setQuery(changes: Query): void {
  const next = { ...route.value, query: { ...route.value.query, ...changes } };
  history.replaceState(null, "", format(next));
  route.value = parse(format(next));
}
