/** Folder of the page, which is the agent's prefix. Every URL is relative to it, so any prefix works. */
export const prefix = (): string => new URL(".", location.href).pathname;

/** URL of a path below the prefix, such as `api/v1/snapshot`. */
export const address = (path: string): string => prefix() + path;
