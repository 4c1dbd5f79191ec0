import { Autosuggest } from '@cloudscape-design/components';
import { useState } from 'react';
import { useLabels } from '@/api/labels';
import { photos, photosTexts } from '@/texts';

interface Props {
  onLabel: (label: string) => void;
  onName: (name: string) => void;
}

/** Finds by label, with how many photos each has, or by file name. */
export function FindBox({ onLabel, onName }: Props) {
  const [text, setText] = useState('');
  const { data: labels = [] } = useLabels();
  const wanted = text.trim().toLocaleLowerCase();
  const matches = labels.filter(({ name }) => name.toLocaleLowerCase().includes(wanted)).slice(0, 200);
  const options = matches.map(({ name, count }) => ({ value: name, labelTag: photos(count) }));
  const choose = (value: string) => {
    const exact = labels.find(({ name }) => name.toLocaleLowerCase() === value.trim().toLocaleLowerCase());
    if (exact) onLabel(exact.name);
    else if (value.trim() !== '') onName(value.trim());
    setText('');
  };
  return (
    <div className="find-box">
      <Autosuggest
        ariaLabel={photosTexts.find}
        placeholder={photosTexts.find}
        value={text}
        options={options}
        filteringType="manual"
        virtualScroll={options.length > 100}
        empty={photosTexts.noLabelMatches}
        enteredTextLabel={photosTexts.findByName}
        onChange={({ detail }) => setText(detail.value)}
        onSelect={({ detail }) => choose(detail.value)}
      />
    </div>
  );
}
