import { expect, test } from "vitest";
import type { Collector, Host } from "../src/api/types";
import { driverVersion } from "../src/model/collector";
import { DASH } from "../src/model/format";
import { snapshot } from "./example";

const at = (collector: Partial<Collector>, host: Partial<Host>) =>
  driverVersion({ ...snapshot.host, ...host }, { ...snapshot.collector, ...collector }, "driver_version");
const absent = (reason: string) => ({ driver_version: null, absent: { driver_version: reason } });

test("a version without a driver has the collector's reason, and is no error", () => {
  const reading = at({ state: "no_driver", detail: "Driver Not Loaded" }, absent("error"));
  expect(reading.why).toEqual({
    reason: "no_driver",
    word: DASH,
    text: "The driver cannot be read. Driver Not Loaded",
  });
});

test("a version that failed to be read, or is still to come, has its own reason", () => {
  expect(at({ state: "ok" }, absent("error")).why?.word).toBe("error");
  expect(at({ state: "starting" }, absent("timeout")).why?.word).toBe("waiting");
  expect(at({ state: "no_driver" }, { driver_version: "580.1" }).value).toBe("580.1");
});
