import type { ComponentChildren } from "preact";
import { Icon } from "./icon";

/** Message across the page, in a severity. */
export function Banner({
  severity,
  title,
  children,
}: {
  severity: "critical" | "warning" | "info";
  title?: string;
  children: ComponentChildren;
}) {
  return (
    <div class="banner" data-severity={severity}>
      <Icon name={severity} />
      <div>
        {title && <b>{title} </b>}
        {children}
      </div>
    </div>
  );
}
