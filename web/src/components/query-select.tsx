import { setQuery } from "../browser/route";

/** A wish of the view that stands in its address. */
export function QuerySelect(props: {
  /** In the address. */
  name: string;
  label: string;
  value: string;
  /** What no wish is called. */
  first: string;
  options: readonly (readonly [string, string])[];
}) {
  return (
    <select
      aria-label={props.label}
      value={props.value}
      onChange={event => setQuery({ [props.name]: event.currentTarget.value })}
    >
      <option value="">{props.first}</option>
      {props.options.map(([value, name]) => (
        <option key={value} value={value}>
          {name}
        </option>
      ))}
    </select>
  );
}
