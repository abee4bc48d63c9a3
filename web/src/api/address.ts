/** Where the agent is: the folder that the page lies in. Every address is relative to it, so any prefix works. */
export const prefix = (): string => new URL(".", location.href).pathname;

/** The address of something below the prefix, such as `api/v1/snapshot`. */
export const address = (path: string): string => prefix() + path;
