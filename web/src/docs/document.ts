/** Parts of an OpenAPI 3.1 document that the reference shows. */
export interface OpenApi {
  info: { title: string; version: string; description?: string };
  tags?: { name: string; description?: string }[];
  paths: Record<string, { get: Operation }>;
  components: { schemas: Record<string, Schema>; responses: Record<string, Response> };
}

export interface Operation {
  operationId: string;
  summary: string;
  tags?: string[];
  parameters?: Parameter[];
  responses: Record<string, Response | { $ref: string }>;
  /** Empty requirement: no token is needed. */
  security?: Record<string, string[]>[];
}

export interface Parameter {
  name: string;
  in: "query" | "path";
  description: string;
  required: boolean;
  example?: unknown;
}

export interface Response {
  description: string;
  content?: Record<string, { schema: Schema; example?: unknown }>;
}

export interface Schema {
  type?: string | string[];
  description?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  oneOf?: Schema[];
  anyOf?: Schema[];
  enum?: unknown[];
  format?: string;
  additionalProperties?: Schema;
  $ref?: string;
}

/** An operation with its path. */
export interface Route {
  path: string;
  operation: Operation;
}

/** Last segment of a reference. */
export const nameOf = (reference: string): string => reference.split("/").at(-1) ?? reference;

/** Groups of routes in the order of the document's tags; routes without a known tag come last. */
export function grouped({
  tags = [],
  paths,
}: OpenApi): { name: string; description: string; routes: Route[] }[] {
  const routes = Object.entries(paths).map(([path, { get }]) => ({ path, operation: get }));
  const known = new Set(tags.map(({ name }) => name));
  const others = routes.filter(({ operation }) => !operation.tags?.some(tag => known.has(tag)));
  const groups = tags.map(({ name, description = "" }) => ({
    name,
    description,
    routes: routes.filter(({ operation }) => operation.tags?.includes(name)),
  }));
  return [...groups, { name: "other", description: "", routes: others }].filter(
    group => group.routes.length > 0,
  );
}

/** Response with its reference resolved. */
export function resolved(document: OpenApi, response: Response | { $ref: string }): Response {
  if (!("$ref" in response)) return response;
  return document.components.responses[nameOf(response.$ref)] ?? { description: "" };
}

/** Part of a type: text, or the name of a schema. */
export type TypePart = string | { schema: string };

/** Type of a schema, as text with names of other schemas. */
export function typeOf(schema: Schema): TypePart[] {
  if (schema.$ref) return [{ schema: nameOf(schema.$ref) }];
  const choices = schema.oneOf ?? schema.anyOf;
  if (choices)
    return choices.flatMap((choice, place) => (place > 0 ? [" or ", ...typeOf(choice)] : typeOf(choice)));
  if (schema.enum) return [schema.enum.map(value => JSON.stringify(value)).join(" or ")];
  const types = [schema.type ?? "any"].flat();
  return types.flatMap((type, place) => {
    const joint: TypePart[] = place > 0 ? [" or "] : [];
    if (type === "array") return [...joint, "list of ", ...typeOf(schema.items ?? {})];
    if (type === "object" && schema.additionalProperties)
      return [...joint, "map to ", ...typeOf(schema.additionalProperties)];
    return [...joint, schema.format === "date-time" ? "date and time" : type];
  });
}

/** Command that requests a route from the agent at that address, quoted for POSIX shells. */
export function curl(base: string, { path, operation }: Route, needsToken: boolean): string {
  const query = (operation.parameters ?? [])
    .filter(parameter => parameter.in === "query" && parameter.required)
    .map(({ name, example }) => `${name}=${encodeURIComponent(String(example))}`);
  const filled = (operation.parameters ?? [])
    .filter(parameter => parameter.in === "path")
    .reduce(
      (filled, { name, example }) => filled.replace(`{${name}}`, encodeURIComponent(String(example))),
      path,
    );
  const url = base + filled.slice(1) + (query.length > 0 ? `?${query.join("&")}` : "");
  const open = operation.security?.some(requirement => Object.keys(requirement).length === 0);
  const token = needsToken && !open ? ' -H "Authorization: Bearer $TOKEN"' : "";
  const stream = Object.keys(
    operation.responses["200"] && "content" in operation.responses["200"]
      ? (operation.responses["200"].content ?? {})
      : {},
  ).includes("text/event-stream");
  return `curl${stream ? " -N" : ""}${token} '${url}'`;
}
