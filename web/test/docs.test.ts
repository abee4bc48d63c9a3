import { expect, test } from "vitest";
import { curl, grouped, type OpenApi, resolved, typeOf } from "../src/docs/document";

const document: OpenApi = {
  info: { title: "agent", version: "1" },
  tags: [{ name: "past", description: "Past" }, { name: "empty" }, { name: "state" }],
  paths: {
    "/a/{gpu}": {
      get: {
        operationId: "a",
        summary: "A",
        tags: ["state"],
        parameters: [{ name: "gpu", in: "path", description: "", required: true, example: "0 1" }],
        responses: { "200": { description: "", content: { "text/event-stream": { schema: {} } } } },
      },
    },
    "/b": {
      get: {
        operationId: "b",
        summary: "B",
        tags: ["past"],
        parameters: [
          { name: "metric", in: "query", description: "", required: true, example: "power.draw_watts" },
          { name: "since", in: "query", description: "", required: false, example: "-2h" },
        ],
        responses: { "400": { $ref: "#/components/responses/BadRequest" } },
      },
    },
    "/c": { get: { operationId: "c", summary: "C", responses: {}, security: [{}] } },
  },
  components: { schemas: {}, responses: { BadRequest: { description: "wrong" } } },
};

test("routes are grouped by the document's tags, and none is lost", () => {
  const groups = grouped(document).map(({ name, routes }) => [name, ...routes.map(({ path }) => path)]);
  expect(groups).toEqual([
    ["past", "/b"],
    ["state", "/a/{gpu}"],
    ["other", "/c"],
  ]);
});

test("a command is quoted for POSIX shells, and has what is required", () => {
  const [b, a, c] = grouped(document).flatMap(({ routes }) => routes);
  if (!a || !b || !c) throw new Error("three routes");
  const base = "https://gpu01:8000/server1/";
  expect(curl(base, b, false)).toBe("curl 'https://gpu01:8000/server1/b?metric=power.draw_watts'");
  expect(curl(base, a, true)).toBe(
    `curl -N -H "Authorization: Bearer $TOKEN" 'https://gpu01:8000/server1/a/0%201'`,
  );
  expect(curl(base, c, true)).toBe("curl 'https://gpu01:8000/server1/c'");
});

test("references and types are resolved", () => {
  expect(resolved(document, { $ref: "#/components/responses/BadRequest" }).description).toBe("wrong");
  expect(typeOf({ type: ["string", "null"] })).toEqual(["string", " or ", "null"]);
  expect(typeOf({ type: "array", items: { $ref: "#/components/schemas/Gpu" } })).toEqual([
    "list of ",
    { schema: "Gpu" },
  ]);
  expect(typeOf({ enum: ["C", "G"] })).toEqual(['"C" or "G"']);
  expect(typeOf({ anyOf: [{ type: "string" }, { type: "string", format: "date-time" }] })).toEqual([
    "string",
    " or ",
    "date and time",
  ]);
});
