import { signal } from "@preact/signals";

/** Current view. It is in the URL fragment, so that only `/` is ever requested. */
export interface Route {
  view: View;
  query: Query;
}

export type View = "hosts" | "find" | "users" | "usage" | "wall";

/** Parameters of the view in the URL, such as `?q=free>=2`. */
export type Query = Readonly<Record<string, string>>;

/** Views in the navigation, by name. */
export const VIEWS: readonly (readonly [View, string])[] = [
  ["hosts", "Hosts"],
  ["find", "Find"],
  ["users", "Users"],
  ["usage", "Usage"],
];

export function parse(fragment: string): Route {
  const [path = "", search = ""] = fragment.replace(/^#\/?/, "").split("?", 2);
  const query: Query = Object.fromEntries(new URLSearchParams(search));
  const view = (["find", "users", "usage", "wall"] as const).find(each => each === path) ?? "hosts";
  return { view, query };
}

/** URL fragment of a route, without empty parameters. */
export function format({ view, query }: Route): string {
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== "")).toString();
  return `#/${view === "hosts" ? "" : view}${search ? `?${search}` : ""}`;
}

export const route = signal<Route>({ view: "hosts", query: {} });

/** Query of each view as it was left, so that a link to it leads back to the same. */
const left = new Map<View, Query>();

/** Address of a view as it was left. */
export const addressOf = (view: View): string => format({ view, query: left.get(view) ?? {} });

function goTo(next: Route): void {
  left.set(next.view, next.query);
  route.value = next;
}

export function followAddress(): void {
  const follow = () => goTo(parse(location.hash));
  follow();
  addEventListener("hashchange", follow);
}

/** Changes parameters of the view in the URL without a new entry in the browser's history. */
export function setQuery(changes: Query): void {
  const next = { ...route.value, query: { ...route.value.query, ...changes } };
  history.replaceState(null, "", format(next));
  goTo(parse(format(next)));
}
