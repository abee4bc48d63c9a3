import type { ComponentChildren } from "preact";

/** A few words, of which more is said on hover, on focus and at a touch. Without a tooltip they are only words. */
export function WithTooltip({
  tooltip,
  children,
  ...rest
}: {
  tooltip: string | undefined;
  class: string;
  children: ComponentChildren;
  [data: `data-${string}`]: string | undefined;
}) {
  return (
    <span {...rest} data-tooltip={tooltip} tabIndex={tooltip ? 0 : undefined}>
      {children}
    </span>
  );
}
