import { Button, Select } from '@cloudscape-design/components';
import { useState } from 'react';
import {
  emptyFilter,
  included,
  isFiltering,
  matchMode,
  type PhotoFilter,
  type Sort,
  sorts,
  withLabel,
} from '@/lib/photo-filter';
import { photosTexts } from '@/texts';
import { LinkButton } from '@/ui/link-button';
import { PillChoice } from '@/ui/pill-choice';
import { DateRange } from './date-range';
import { FilterChips } from './filter-chips';
import { FindBox } from './find-box';

interface Props {
  filter: PhotoFilter;
  onChange: (filter: PhotoFilter) => void;
}

const shows = [
  { value: 'all', label: photosTexts.showAll },
  { value: 'unlabelled', label: photosTexts.showUnlabelled },
  { value: 'labelled', label: photosTexts.showLabelled },
  { value: 'stored', label: photosTexts.showStored },
  { value: 'failed', label: photosTexts.showFailed },
];

const orders = sorts.map((value) => ({ value, label: photosTexts.sorts[value] }));

function applyShow(filter: PhotoFilter, value: string | undefined): PhotoFilter {
  const plain = { ...filter, unlabelled: false, state: undefined };
  if (value === 'unlabelled') return { ...plain, all: [], any: [], unlabelled: true };
  if (value === 'stored' || value === 'labelled' || value === 'failed') return { ...plain, state: value };
  return plain;
}

function ShowSelect({ filter, onChange }: Props) {
  const value = filter.unlabelled ? 'unlabelled' : (filter.state ?? 'all');
  return (
    <Select
      ariaLabel={photosTexts.show}
      options={shows}
      selectedOption={shows.find((option) => option.value === value) ?? null}
      onChange={({ detail }) => onChange(applyShow(filter, detail.selectedOption.value))}
    />
  );
}

function SortSelect({ filter, onChange }: Props) {
  return (
    <Select
      ariaLabel={photosTexts.sort}
      options={orders}
      selectedOption={orders.find((option) => option.value === filter.sort) ?? null}
      onChange={({ detail }) => onChange({ ...filter, sort: detail.selectedOption.value as Sort })}
    />
  );
}

function MatchSwitch({ filter, onChange }: Props) {
  if (included(filter).length < 2) return null;
  return (
    <PillChoice
      label={photosTexts.match}
      value={filter.any.length > 0 ? 'any' : 'all'}
      options={[
        { id: 'all', text: photosTexts.matchAll },
        { id: 'any', text: photosTexts.matchAny },
      ]}
      onChange={(mode) => onChange(matchMode(filter, mode))}
    />
  );
}

/** Says which photos are wanted. All of it is in the page's address. */
export function FilterBar({ filter, onChange }: Props) {
  const [more, setMore] = useState(Boolean(filter.from || filter.to));
  return (
    <section className="filter" role="search">
      <div className="filter-line">
        <FindBox
          onLabel={(label) => onChange(withLabel(filter, label))}
          onName={(name) => onChange({ ...filter, name })}
        />
        <Button
          iconName="filter"
          variant={more ? 'primary' : 'normal'}
          ariaExpanded={more}
          onClick={() => setMore(!more)}
        >
          {photosTexts.more}
        </Button>
      </div>
      {more && (
        <div className="filter-more appear">
          <ShowSelect filter={filter} onChange={onChange} />
          <SortSelect filter={filter} onChange={onChange} />
          <DateRange filter={filter} onChange={onChange} />
        </div>
      )}
      {isFiltering(filter) && (
        <div className="row">
          <FilterChips filter={filter} onChange={onChange} />
          <MatchSwitch filter={filter} onChange={onChange} />
          <LinkButton onClick={() => onChange({ ...emptyFilter, sort: filter.sort })}>{photosTexts.clear}</LinkButton>
        </div>
      )}
    </section>
  );
}
