import { useEffect, useRef } from "preact/hooks";

let isFollowed = false;

/** Notes that a link within the page is followed: the browser's Back has its own place to go to. */
export function trackLinkClicks(): void {
  document.addEventListener("click", event => {
    const link = event.target instanceof Element && event.target.closest('a[href^="#/"]');
    isFollowed = Boolean(link);
  });
}

/** Where another view begins: at its top, for who sees it, and at its heading, for who hears it. */
export function useViewFocus(view: string): void {
  const before = useRef(view);
  useEffect(() => {
    if (before.current === view) return;
    before.current = view;
    if (isFollowed) scrollTo(0, 0);
    isFollowed = false;
    const main = document.getElementById("main");
    const first = main?.querySelector("h2");
    // The overview has none of its own: its first is a card's.
    const heading = first && !first.closest("article") ? first : main;
    if (!heading) return;
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
  }, [view]);
}
