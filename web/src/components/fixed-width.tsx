import { type ReadonlySignal, useComputed } from "@preact/signals";

/**
 * Short text that changes often, in a box as wide as its characters can be: a change of the same length relayouts
 * only itself.
 */
export function FixedWidth({ children: text }: { children: string }) {
  return (
    <span class="fixed-width" style={{ "--ch": text.length }}>
      {text}
    </span>
  );
}

/** The same for a text in a signal, which changes without a rendering. */
export function LiveText({ children: text }: { children: ReadonlySignal<string> }) {
  const length = useComputed(() => text.value.length);
  return (
    <span class="fixed-width" style={{ "--ch": length.value }}>
      {text}
    </span>
  );
}
