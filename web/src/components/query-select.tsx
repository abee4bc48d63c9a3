import { setQuery } from "../browser/route";

/** Select for a parameter of the view in the URL. */
export function QuerySelect(props: {
  /** Name in the URL. */
  name: string;
  label: string;
  value: string;
  /** Label of the option without a filter. */
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
