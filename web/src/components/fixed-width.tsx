/**
 * A short text that changes often. Its box is as wide as its characters at most are, so that another number of the same
 * length lays out itself and nothing else.
 */
export function FixedWidth({ children: text }: { children: string }) {
  return (
    <span class="fixed-width" style={{ "--ch": text.length }}>
      {text}
    </span>
  );
}
