import type { ComponentChildren } from "preact";

/** A few words, of which more is said on hover, on focus and at a touch. Without a tip they are only words. */
export function Tipped({
  tip,
  children,
  ...rest
}: {
  tip: string | undefined;
  class: string;
  children: ComponentChildren;
  [data: `data-${string}`]: string | undefined;
}) {
  return (
    <span {...rest} data-tip={tip} tabIndex={tip ? 0 : undefined}>
      {children}
    </span>
  );
}
