import { useId } from 'react';

interface Props<T extends string> {
  label: string;
  value: T;
  options: readonly { id: T; text: string }[];
  onChange: (value: T) => void;
}

/** One of a few: radio buttons in a pill. Unlike Cloudscape's segmented control it stays itself on a phone. */
export function PillChoice<T extends string>({ label, value, options, onChange }: Props<T>) {
  const name = useId();
  return (
    <fieldset className="pills">
      <legend className="hidden-visually">{label}</legend>
      {options.map(({ id, text }) => (
        <label key={id} className="pill">
          <input type="radio" name={name} value={id} checked={id === value} onChange={() => onChange(id)} />
          <span>{text}</span>
        </label>
      ))}
    </fieldset>
  );
}
