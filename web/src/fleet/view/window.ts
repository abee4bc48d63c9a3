import { useEffect, useRef, useState } from "preact/hooks";
import { rowsBetween, tops, type Window } from "../model/window";

/** Height above and below the screen in which rows are rendered, in pixels: each update costs their time as well. */
const EXTRA = 200;

/** Rows of a list that are rendered, and where they are. */
export interface Windowed extends Window {
  /** Top of the first rendered row, and height of the whole list, in pixels. */
  top: number;
  height: number;
  /** Rows on screen. */
  onScreen: Window;
  /** Scrolls until a row is on screen. */
  show(index: number): void;
}

/** Pixels of a rem: it depends on the size of the screen. */
export const rem = (): number => Number.parseFloat(getComputedStyle(document.documentElement).fontSize) || 10;

/** Height of the page's own header and of the list's, below which rows are hidden, in rem. */
const HEADER = 9;

/**
 * Renders only the rows on screen, of a list that scrolls with the page. `place` is the element that has the rows;
 * `heights` are in pixels.
 */
export function useWindow(place: { current: HTMLElement | null }, heights: readonly number[]): Windowed {
  const [, renderAgain] = useState(0);
  const [isPrinting, setPrinting] = useState(false);
  const allTops = useRef<{ of: readonly number[]; tops: number[] }>({ of: [], tops: [0] });
  if (allTops.current.of !== heights) allTops.current = { of: heights, tops: tops(heights) };
  const found = allTops.current.tops;
  const seen = useRef("");

  // Before the first layout: as if the list began at the top of the page.
  const above = useRef(0);
  const visible = (): { rendered: Window; onScreen: Window } => {
    const [top, bottom] = [-above.current, innerHeight - above.current];
    return {
      rendered: rowsBetween(found, top, bottom, EXTRA),
      onScreen: rowsBetween(found, top, bottom, 0),
    };
  };
  const { rendered, onScreen } = visible();
  const { from, to } = isPrinting ? { from: 0, to: heights.length } : rendered;
  seen.current = textOf(rendered, onScreen);

  useEffect(() => {
    let frame = 0;
    // Measured in a frame, which needs the layout anyway: while rendering it would cost one more.
    const follow = () => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => {
        above.current = place.current?.getBoundingClientRect().top ?? 0;
        const next = visible();
        if (textOf(next.rendered, next.onScreen) !== seen.current) renderAgain(count => count + 1);
      });
    };
    follow();
    // What is above the list can become higher, such as by a banner.
    const sizes = new ResizeObserver(follow);
    sizes.observe(document.body);
    addEventListener("scroll", follow, { passive: true });
    addEventListener("resize", follow);
    return () => {
      cancelAnimationFrame(frame);
      sizes.disconnect();
      removeEventListener("scroll", follow);
      removeEventListener("resize", follow);
    };
  }, [heights]);
  useEffect(() => {
    // Paper has all rows. State is rendered in a microtask, which is before the browser lays the pages out.
    const [begin, end] = [() => setPrinting(true), () => setPrinting(false)];
    addEventListener("beforeprint", begin);
    addEventListener("afterprint", end);
    return () => {
      removeEventListener("beforeprint", begin);
      removeEventListener("afterprint", end);
    };
  }, []);

  return {
    from,
    to,
    onScreen,
    top: found[from] ?? 0,
    height: found.at(-1) ?? 0,
    show: index => {
      const above = place.current?.getBoundingClientRect().top ?? 0;
      const [top, bottom] = [above + (found[index] ?? 0), above + (found[index + 1] ?? 0)];
      const header = HEADER * rem();
      if (top < header) scrollBy(0, top - header);
      else if (bottom > innerHeight - 2 * rem()) scrollBy(0, bottom - innerHeight + 2 * rem());
    },
  };
}

const textOf = (a: Window, b: Window): string => [a.from, a.to, b.from, b.to].join();

/** True on a narrow screen. */
export function useNarrow(): boolean {
  const [query] = useState(() => matchMedia("(max-width: 720px)"));
  const [isNarrow, setNarrow] = useState(() => query.matches);
  useEffect(() => {
    const follow = () => setNarrow(query.matches);
    query.addEventListener("change", follow);
    return () => query.removeEventListener("change", follow);
  }, []);
  return isNarrow;
}
