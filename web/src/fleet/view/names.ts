import { computed } from "@preact/signals";
import { token } from "../../api/token";
import { hosts } from "../live/store";
import { sumsOf } from "../model/host";

/** True if no host that could names a user, and nobody has signed in. */
export const namesHidden = computed(() => {
  if (token.value !== null) return false;
  const able = [...hosts.value.values()].filter(
    host => host.source !== "engine" && host.gpus !== undefined && host.gpus.length > 0,
  );
  return able.length > 0 && able.every(host => sumsOf(host).users === null);
});
