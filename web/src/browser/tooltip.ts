/**
 * Shows the text of `data-tooltip` on hover and focus. One element for the whole page: it can be hovered, stays until
 * it is left, and Escape closes it.
 */
export function showTooltips(): void {
  const tooltip = document.createElement("div");
  tooltip.className = "tooltip";
  tooltip.id = "tooltip";
  tooltip.setAttribute("role", "tooltip");
  // Screen readers read it as the description of its target, not as content.
  tooltip.ariaHidden = "true";
  tooltip.hidden = true;
  document.body.append(tooltip);
  let of: HTMLElement | null = null;

  const hide = () => {
    tooltip.hidden = true;
    if (of?.getAttribute("aria-describedby") === tooltip.id) of.removeAttribute("aria-describedby");
    of = null;
  };
  const show = (target: HTMLElement) => {
    const text = target.dataset["tooltip"];
    hide();
    if (!text) return;
    of = target;
    // Text that the target already contains is not read twice.
    if (!target.textContent?.includes(text) && !target.hasAttribute("aria-describedby")) {
      target.setAttribute("aria-describedby", tooltip.id);
    }
    tooltip.textContent = text;
    tooltip.hidden = false;
    placeAbove(tooltip, target.getBoundingClientRect());
  };
  const about = (event: globalThis.Event): HTMLElement | null =>
    event.target instanceof Element ? event.target.closest<HTMLElement>("[data-tooltip]") : null;

  document.addEventListener("pointerover", event => {
    if (event.target === tooltip) return;
    const target = about(event);
    if (target && target !== of) show(target);
    else if (!target && of && of !== document.activeElement) hide();
  });
  document.addEventListener("focusin", event => {
    const target = event.target;
    if (target instanceof HTMLElement && target.dataset["tooltip"] && target.matches(":focus-visible"))
      show(target);
    // A tap for a tooltip also moves the focus, to the target or to an element around it.
    else if (!(target instanceof Node && target.contains(of))) hide();
  });
  document.addEventListener("focusout", event => {
    if (event.target === of) hide();
  });
  // A click may change the text.
  document.addEventListener("click", () =>
    setTimeout(() => {
      if (of && of.dataset["tooltip"] !== tooltip.textContent) show(of);
    }),
  );
  document.addEventListener("keydown", event => {
    if (event.key === "Escape") hide();
  });
  addEventListener("scroll", hide, { capture: true, passive: true });
}

const GAP = 6;

/** Places a tooltip above its target, else below; always inside the window. */
export function placeAbove(
  tooltip: HTMLElement,
  about: Pick<DOMRect, "left" | "top" | "width" | "bottom">,
): void {
  const own = tooltip.getBoundingClientRect();
  const left = about.left + about.width / 2 - own.width / 2;
  const above = about.top - own.height - GAP;
  tooltip.style.setProperty("--left", `${Math.max(GAP, Math.min(left, innerWidth - own.width - GAP))}px`);
  tooltip.style.setProperty("--top", `${above >= GAP ? above : about.bottom + GAP}px`);
}
