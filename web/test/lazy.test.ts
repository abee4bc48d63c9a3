import { h, options, render } from "preact";
import { expect, test } from "vitest";
import { type Lazy, preload, useLazy } from "../src/components/lazy";

test("a part that is loaded between rendering and effect shows", async () => {
  const load = async () => "the part";
  const seen: Lazy<string>[] = [];
  const Part = () => {
    seen.push(useLazy(load));
    return null;
  };
  let paint = () => {};
  options.requestAnimationFrame = run => {
    paint = run;
  };
  options.debounceRendering = run => run();
  const place = { childNodes: [], firstChild: null, namespaceURI: "" } as unknown as Element;
  render(h(Part, null), place);
  expect(seen.at(-1)).toEqual({ kind: "loading" });
  await preload(load);
  paint();
  expect(seen.at(-1)).toEqual({ kind: "loaded", part: "the part" });
});
