import { prefix } from "./address";

/**
 * Path of the hub that serves this page as one of its hosts; null if an agent does. Only the page's own markup says so
 * (`host.html`): an address of the same shape can be an agent's behind a proxy.
 */
export function hubPath(): string | null {
  const content = document.querySelector<HTMLMetaElement>("meta[name=nvsmi-hub]")?.content;
  return content ? new URL(content, location.href).pathname : null;
}

/** Name of the host under the hub; null without a hub. */
export function hostName(): string | null {
  if (hubPath() === null) return null;
  const name = prefix().split("/").at(-2) ?? "";
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
