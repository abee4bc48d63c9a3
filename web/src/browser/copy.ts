/** Copies a text; returns false if the browser forbids it. */
export async function copy(text: string): Promise<boolean> {
  try {
    // There is no clipboard API on pages loaded over plain HTTP.
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(text);
      return true;
    }
  } catch {
    // Denied; `execCommand` may still be allowed.
  }
  return copyTheOldWay(text);
}

function copyTheOldWay(text: string): boolean {
  const before = document.activeElement;
  const place = document.createElement("textarea");
  place.value = text;
  place.readOnly = true;
  place.className = "unseen";
  document.body.append(place);
  place.select();
  let done = false;
  try {
    done = document.execCommand("copy");
  } catch {
    // `done` stays false.
  }
  place.remove();
  if (before instanceof HTMLElement) before.focus();
  return done;
}
