import { signal } from "@preact/signals";

/** What is shown. It stands in the fragment of the address, so that only `/` is ever asked for. */
export type Route =
  | { view: "overview"; query: Query }
  | { view: "gpu"; gpu: string; query: Query }
  | { view: "processes" | "users" | "events"; query: Query };

/** What the view remembers in the address, such as `?user=alice`. */
export type Query = Readonly<Record<string, string>>;

export type View = Route["view"];

export function parse(fragment: string): Route {
  const [path = "", search = ""] = fragment.replace(/^#\/?/, "").split("?", 2);
  const query: Query = Object.fromEntries(new URLSearchParams(search));
  const [view = "", rest] = path.split("/");
  if (view === "gpu" && rest) return { view, gpu: decode(rest), query };
  if (view === "processes" || view === "users" || view === "events") return { view, query };
  return { view: "overview", query };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The fragment of a route; wishes that are empty are left out. */
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

/** Changes wishes of the view in the address, without a step in the browser's history. */
export function setQuery(changes: Query): void {
  const next = { ...route.value, query: { ...route.value.query, ...changes } };
  history.replaceState(null, "", format(next));
  route.value = parse(format(next));
}
