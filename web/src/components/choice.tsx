/** Radio buttons side by side. */
export function Choice<T extends string>({
  legend,
  of,
  options,
}: {
  legend: string;
  /** A signal, or an object with the same `value`. */
  of: { value: T };
  options: readonly (readonly [T, string])[];
}) {
  return (
    <fieldset class="choice">
      <legend>{legend}</legend>
      <div>
        {options.map(([value, name]) => (
          <label key={value}>
            <input
              type="radio"
              name={legend}
              checked={of.value === value}
              onChange={() => {
                of.value = value;
              }}
            />
            <span>{name}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
