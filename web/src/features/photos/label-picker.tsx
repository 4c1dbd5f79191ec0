import { Autosuggest } from '@cloudscape-design/components';
import { useState } from 'react';
import { useLabels } from '@/api/labels';
import { photos, viewerTexts } from '@/texts';

interface Props {
  ariaLabel: string;
  placeholder?: string;
  /** Labels that make no sense to pick again. */
  except: readonly string[];
  /** False where only labels that exist may be picked. */
  inventing?: boolean;
  onPick: (label: string) => void;
}

export function LabelPicker({ ariaLabel, placeholder, except, inventing = true, onPick }: Props) {
  const [text, setText] = useState('');
  const { data: labels = [] } = useLabels();
  const wanted = text.trim().toLocaleLowerCase();
  const options = labels
    .filter(({ name }) => !except.includes(name) && name.toLocaleLowerCase().includes(wanted))
    .slice(0, 50)
    .map(({ name, count }) => ({ value: name, labelTag: photos(count) }));
  const pick = (value: string) => {
    const label = value.trim();
    if (label !== '') onPick(label);
    setText('');
  };
  return (
    <Autosuggest
      ariaLabel={ariaLabel}
      placeholder={placeholder}
      value={text}
      options={options}
      filteringType="manual"
      enteredTextLabel={viewerTexts.addNew}
      hideEnteredTextOption={!inventing}
      onChange={({ detail }) => setText(detail.value)}
      onSelect={({ detail }) => pick(detail.value)}
    />
  );
}
