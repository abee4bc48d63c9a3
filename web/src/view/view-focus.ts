import { useEffect, useRef } from "preact/hooks";

let isFollowed = false;
/** Selector of the element that the next view puts the focus on; null for its heading. */
let target: string | null = null;

/** Puts the focus on this element of the next view. */
export function focusInNextView(selector: string): void {
  target = selector;
}

/** Notes that a link was followed: the browser's Back restores its own scroll position. */
export function trackLinkClicks(): void {
  document.addEventListener("click", event => {
    const link = event.target instanceof Element && event.target.closest('a[href^="#/"]');
    isFollowed = Boolean(link);
  });
}

/** Moves to the top of a new view, and the focus to its heading. */
export function useViewFocus(view: string): void {
  const before = useRef(view);
  useEffect(() => {
    if (before.current === view) return;
    before.current = view;
    if (isFollowed) scrollTo(0, 0);
    isFollowed = false;
    const main = document.getElementById("main");
    const first = main?.querySelector("h2");
    const chosen = target && main?.querySelector<HTMLElement>(target);
    target = null;
    if (chosen) {
      chosen.focus();
      return;
    }
    // The overview has no heading of its own: its first one is a card's.
    const heading = first && !first.closest("article") ? first : main;
    if (!heading) return;
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
  }, [view]);
}
