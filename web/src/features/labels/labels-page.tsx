import { Button, Input } from '@cloudscape-design/components';
import { useMemo, useState } from 'react';
import { useStatus } from '@/api/account';
import { type Label, useLabels } from '@/api/labels';
import { labelsTexts } from '@/texts';
import { FirstRun } from '@/ui/first-run';
import { LabelsIcon } from '@/ui/icons';
import { PillChoice } from '@/ui/pill-choice';
import { Empty, Failed, Loading } from '@/ui/states';
import { useTitle } from '@/ui/use-title';
import { ChoiceBar } from './choice-bar';
import { LabelCard } from './label-card';
import { useLabelChoice } from './use-label-choice';

type Order = 'count' | 'name';

function arrange(labels: readonly Label[], find: string, order: Order): Label[] {
  const wanted = find.trim().toLocaleLowerCase();
  const found = labels.filter(({ name }) => name.toLocaleLowerCase().includes(wanted));
  return order === 'name' ? found.sort((a, b) => a.name.localeCompare(b.name)) : found;
}

interface ToolsProps {
  find: string;
  onFind: (text: string) => void;
  order: Order;
  onOrder: (order: Order) => void;
}

function Tools({ find, onFind, order, onOrder }: ToolsProps) {
  return (
    <div className="label-tools">
      <Input
        type="search"
        ariaLabel={labelsTexts.find}
        placeholder={labelsTexts.find}
        value={find}
        onChange={({ detail }) => onFind(detail.value)}
      />
      <PillChoice<Order>
        label={labelsTexts.sort}
        value={order}
        options={[
          { id: 'count', text: labelsTexts.byCount },
          { id: 'name', text: labelsTexts.byName },
        ]}
        onChange={onOrder}
      />
    </div>
  );
}

/** Labels with counts: tick some, see what that makes, take it. */
export function LabelsPage() {
  useTitle(labelsTexts.title);
  const { data: labels, error, refetch } = useLabels();
  const { data: status } = useStatus();
  const choice = useLabelChoice();
  const [find, setFind] = useState('');
  const [order, setOrder] = useState<Order>('count');
  const shown = useMemo(() => arrange(labels ?? [], find, order), [labels, find, order]);
  if (!labels) {
    return error ? <Failed title={labelsTexts.failed} error={error} onRetry={() => void refetch()} /> : <Loading />;
  }
  if (labels.length === 0) {
    return status && status.photos.total === status.photos.awaiting ? (
      <FirstRun />
    ) : (
      <Empty alone icon={<LabelsIcon />} title={labelsTexts.none} detail={labelsTexts.noneDetail} />
    );
  }
  return (
    <div className="page">
      <div className="page-head">
        <div>
          <h1>{labelsTexts.title}</h1>
          <p className="soft">{labelsTexts.detail}</p>
        </div>
        <Tools find={find} onFind={setFind} order={order} onOrder={setOrder} />
      </div>
      {shown.length === 0 && (
        <Empty
          icon={<LabelsIcon />}
          title={labelsTexts.noneFound(find)}
          detail=""
          action={<Button onClick={() => setFind('')}>{labelsTexts.clearFind}</Button>}
        />
      )}
      <ul className="label-cards" aria-label={labelsTexts.list}>
        {shown.map((label) => (
          <LabelCard
            key={label.name}
            label={label}
            ticked={choice.ticked.includes(label.name)}
            onToggle={choice.toggle}
          />
        ))}
      </ul>
      {choice.ticked.length > 0 && <ChoiceBar choice={choice} />}
    </div>
  );
}
