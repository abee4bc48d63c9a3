import { oneOf, stored } from "./stored";

export type Theme = "system" | "light" | "dark";
export type Contrast = "system" | "more";

export const theme = stored<Theme>("theme", "system", oneOf<Theme>("system", "light", "dark"));
export const contrast = stored<Contrast>("contrast", "system", oneOf<Contrast>("system", "more"));

/** Refresh intervals to choose from, in milliseconds; 0 is the agent's own, by its stream. */
export const REFRESH_INTERVALS = [0, 2_000, 5_000, 10_000, 30_000, 60_000] as const;

const pace = stored<number>("pace", 0, oneOf<number>(...REFRESH_INTERVALS));

/** Milliseconds between polls; null for the stream. */
export const every = {
  get value(): number | null {
    return pace.value === 0 ? null : pace.value;
  },
};

export const refreshInterval = pace;

/** Single keys such as `/` are shortcuts; they can be turned off for speech input, which may type them. */
export const shortcuts = stored<boolean>(
  "shortcuts",
  true,
  (value): value is boolean => typeof value === "boolean",
);
