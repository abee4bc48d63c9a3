import { describe, expect, it } from "vitest";
import { usersOf } from "../../src/fleet/model/users";
import { gpuOf, hostOf } from "./hosts";

describe("users across hosts", () => {
  it("have a place for each host, with all their GPUs there", () => {
    const of = (...users: string[]) => gpuOf({ use: "busy", users });
    const hosts = [
      hostOf("a", [of("ann"), of("bob"), of("ann")]),
      hostOf("b", [of("bob")]),
      hostOf("c", [of("ann")]),
      hostOf("d", [of("ann")], { state: "stale" }),
    ];
    const found = usersOf(hosts).map(({ name, devices, places }) => [
      name,
      devices,
      places.map(({ host, names }) => `${host} ${names.length}`).join(),
    ]);
    expect(found).toEqual([
      ["ann", 3, "a 2,c 1"],
      ["bob", 2, "a 1,b 1"],
    ]);
  });
});
