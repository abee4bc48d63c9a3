import type { ComponentChildren } from "preact";

/** Words with a tooltip on hover, focus and touch; plain words without one. */
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
