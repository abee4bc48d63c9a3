/** Copies a text; false where the browser does not let us. */
export async function copy(text: string): Promise<boolean> {
  try {
    // Pages that came over plain HTTP have no clipboard.
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(text);
      return true;
    }
  } catch {
    // It was denied; the old way may be allowed.
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
    // Then it is not done.
  }
  place.remove();
  if (before instanceof HTMLElement) before.focus();
  return done;
}
