import type { ComponentChildren } from "preact";

/** Button with a popover. The browser closes it on Escape and on a click outside. */
export function Popover({
  name,
  label,
  button,
  children,
  quiet = true,
  class: more = "",
}: {
  name: string;
  label: string;
  button: ComponentChildren;
  children: ComponentChildren;
  quiet?: boolean;
  class?: string;
}) {
  const id = `popover-${name}`;
  return (
    <div class={`popover-of ${more}`}>
      <button type="button" class={quiet ? "quiet" : undefined} popovertarget={id} aria-haspopup="dialog">
        {button}
      </button>
      <div
        id={id}
        class="popover"
        popover="auto"
        role="dialog"
        aria-label={label}
        onToggle={event => {
          if (event.newState === "open") place(event.currentTarget);
        }}
      >
        {children}
      </div>
    </div>
  );
}

/** Below its button, inside the window. */
function place(popover: HTMLElement): void {
  const about = popover.parentElement?.getBoundingClientRect();
  if (!about) return;
  popover.style.setProperty(
    "--right",
    `${Math.max(8, document.documentElement.clientWidth - about.right)}px`,
  );
  popover.style.setProperty("--top", `${about.bottom + 6}px`);
}
