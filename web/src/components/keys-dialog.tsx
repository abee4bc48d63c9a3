import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { helpOpen } from "../browser/single-keys";

/** Keys that do the same thing, and its description. */
export type KeyHelp = readonly [keys: readonly string[], text: string];

interface Props {
  keys: readonly KeyHelp[];
  children: ComponentChildren;
}

/** Dialog with the keys of a page. */
export function KeysDialog({ keys, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog
      ref={dialog}
      class="help"
      aria-labelledby="help-title"
      onClose={() => {
        helpOpen.value = false;
      }}
    >
      <h2 id="help-title">Keyboard</h2>
      <dl>
        {keys.map(([combination, text]) => (
          <>
            <dt>
              {combination.map(key => (
                <>
                  <kbd>{key}</kbd>{" "}
                </>
              ))}
            </dt>
            <dd>{text}</dd>
          </>
        ))}
      </dl>
      <p class="fine">{children}</p>
      <p>
        <button type="button" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </p>
    </dialog>
  );
}
