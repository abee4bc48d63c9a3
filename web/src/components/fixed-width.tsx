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
