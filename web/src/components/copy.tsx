import { useEffect, useState } from "preact/hooks";
import { copy } from "../browser/copy";
import { Icon } from "./icon";

type Result = "copied" | "selected" | null;

/** Button that copies a text; if the browser forbids it, the text is shown selected, for Ctrl-C. */
export function CopyButton({
  text,
  label,
  name = label,
  title = text,
}: {
  text: string;
  /** Visible label. */
  label: string;
  /** Accessible name, if several buttons have the same label. */
  name?: string;
  /** Tooltip; by default the text that is copied. */
  title?: string;
}) {
  const [result, setResult] = useState<Result>(null);
  useEffect(() => {
    if (result !== "copied") return;
    const timer = setTimeout(() => setResult(null), 2_000);
    return () => clearTimeout(timer);
  }, [result]);
  if (result === "selected") {
    return (
      <input
        class="to-copy"
        readOnly
        value={text}
        aria-label={`${name}: press Ctrl-C`}
        ref={input => input?.select()}
        onBlur={() => setResult(null)}
      />
    );
  }
  return (
    <button
      type="button"
      class="copy"
      // On narrow cards only the icon is visible.
      aria-label={result === "copied" ? "Copied" : name}
      data-tooltip={title}
      onClick={async event => {
        event.stopPropagation();
        setResult((await copy(text)) ? "copied" : "selected");
      }}
    >
      <Icon name={result === "copied" ? "check" : "copy"} />
      <span aria-live="polite">{result === "copied" ? "Copied" : label}</span>
    </button>
  );
}
