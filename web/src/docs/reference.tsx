import { token } from "../api/token";
import {
  curl,
  grouped,
  type OpenApi,
  type Response,
  type Route,
  resolved,
  type Schema,
  typeOf,
} from "./document";

interface Props {
  document: OpenApi;
  /** Address of the agent with its prefix; ends in a slash. */
  base: string;
}

/** The whole reference: paths by tag, then objects. */
export function Reference({ document, base }: Props) {
  const groups = grouped(document);
  const objects = Object.entries(document.components.schemas);
  return (
    <div class="docs">
      <nav aria-label="Contents">
        <a class="home" href="./">
          ← GPUs
        </a>
        {groups.map(({ name, routes }) => (
          <section key={name}>
            <h2>{name}</h2>
            <ul>
              {routes.map(({ path, operation }) => (
                <li key={path}>
                  <a href={`#${operation.operationId}`}>{path}</a>
                </li>
              ))}
            </ul>
          </section>
        ))}
        <section>
          <h2>Objects</h2>
          <ul>
            {objects.map(([name]) => (
              <li key={name}>
                <a href={`#${name}`}>{name}</a>
              </li>
            ))}
          </ul>
        </section>
      </nav>
      <main>
        <h1>
          {document.info.title} <small>{document.info.version}</small>
        </h1>
        <p>
          <Prose text={document.info.description ?? ""} /> For programs:{" "}
          <a href="openapi.json">openapi.json</a>.
        </p>
        {groups.map(({ name, description, routes }) => (
          <section key={name}>
            <h2>{description}</h2>
            {routes.map(route => (
              <Path key={route.path} document={document} route={route} base={base} />
            ))}
          </section>
        ))}
        <section>
          <h2>Objects</h2>
          {objects.map(([name, schema]) => (
            <ObjectOf key={name} name={name} schema={schema} />
          ))}
        </section>
      </main>
    </div>
  );
}

function Path({ document, route, base }: { document: OpenApi; route: Route; base: string }) {
  const { path, operation } = route;
  const responses = Object.entries(operation.responses).map(
    ([status, response]) => [status, resolved(document, response)] as const,
  );
  const example = Object.values(responses[0]?.[1].content ?? {})[0]?.example;
  return (
    <article id={operation.operationId}>
      <h3>
        <a href={`#${operation.operationId}`}>
          <b>GET</b> <code>{path}</code>
        </a>
      </h3>
      <p>
        <Prose text={operation.summary} />
      </p>
      <pre>{curl(base, route, token.value !== null)}</pre>
      {operation.parameters && (
        <Table heads={["parameter", "meaning", "example"]}>
          {operation.parameters.map(({ name, description, required, example }) => (
            <tr key={name}>
              <th scope="row">
                <code>{name}</code> {required && <small>required</small>}
              </th>
              <td>
                <Prose text={description} />
              </td>
              <td>
                <code>{String(example ?? "")}</code>
              </td>
            </tr>
          ))}
        </Table>
      )}
      <Table heads={["status", "meaning", "body"]}>
        {responses.map(([status, response]) => (
          <tr key={status}>
            <th scope="row">{status}</th>
            <td>
              <Prose text={response.description} />
            </td>
            <td>
              <Bodies response={response} />
            </td>
          </tr>
        ))}
      </Table>
      {example !== undefined && (
        <details>
          <summary>Example</summary>
          <pre>{typeof example === "string" ? example : JSON.stringify(example, null, 2)}</pre>
        </details>
      )}
    </article>
  );
}

function Bodies({ response }: { response: Response }) {
  return (
    <>
      {Object.entries(response.content ?? {}).map(([media, { schema }]) => (
        <div key={media}>
          <Type schema={schema} /> <small>{media}</small>
        </div>
      ))}
    </>
  );
}

function ObjectOf({ name, schema }: { name: string; schema: Schema }) {
  return (
    <article id={name}>
      <h3>
        <a href={`#${name}`}>{name}</a>
      </h3>
      <p>
        <Prose text={schema.description ?? ""} />
      </p>
      {schema.properties ? (
        <Table heads={["field", "type", "meaning"]}>
          {Object.entries(schema.properties).map(([key, property]) => (
            <tr key={key}>
              <th scope="row">
                <code>{key}</code>
              </th>
              <td>
                <Type schema={property} />
              </td>
              <td>
                <Prose text={property.description ?? ""} />
              </td>
            </tr>
          ))}
        </Table>
      ) : (
        <p>
          <Type schema={schema} />
        </p>
      )}
    </article>
  );
}

function Type({ schema }: { schema: Schema }) {
  return (
    <span class="type">
      {typeOf(schema).map(part =>
        typeof part === "string" ? part : <a href={`#${part.schema}`}>{part.schema}</a>,
      )}
    </span>
  );
}

/** Table that scrolls by itself where it does not fit. */
function Table({ heads, children }: { heads: string[]; children: preact.ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: without it the keyboard cannot scroll
    <div class="scroll" tabIndex={0} role="group" aria-label={`Table: ${heads.join(", ")}`}>
      <table>
        <thead>
          <tr>
            {heads.map(head => (
              <th scope="col" key={head}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

/** Text in which backquotes mark code. */
function Prose({ text }: { text: string }) {
  return <>{text.split("`").map((part, place) => (place % 2 === 1 ? <code>{part}</code> : part))}</>;
}
