import { Button, ButtonDropdown } from '@cloudscape-design/components';
import { useState } from 'react';
import { bulkQuery, type PhotoAction, type Target } from '@/api/photos';
import { hasDates, type PhotoFilter } from '@/lib/photo-filter';
import { noSelection, type Selection, selectAll } from '@/lib/selection';
import { selectionTexts } from '@/texts';
import { LinkButton } from '@/ui/link-button';
import { useGetBundle } from '@/ui/use-get-bundle';
import { EditLabelsDialog } from './edit-labels-dialog';
import { usePhotoActions } from './use-photo-actions';

interface Props {
  order: readonly string[];
  filter: PhotoFilter;
  trashed: boolean;
  selection: Selection;
  onSelect: (selection: Selection) => void;
}

/** Ten thousand photos are one query, wherever the server's query says the same as the page's filter. */
function toTarget(ids: readonly string[], order: readonly string[], filter: PhotoFilter): Target {
  return ids.length === order.length && !hasDates(filter) ? { query: bulkQuery(filter) } : { ids };
}

export function SelectionBar({ order, filter, trashed, selection, onSelect }: Props) {
  const [editing, setEditing] = useState(false);
  const { get, busy } = useGetBundle();
  const act = usePhotoActions();
  const ids = order.filter((id) => selection.ids.has(id));
  const target = toTarget(ids, order, filter);
  const run = async (action: PhotoAction) => {
    const failed = await act(action, ids);
    onSelect({ ids: new Set(failed), anchor: null });
  };
  const bundle = () => get('query' in target ? target.query : { photo_ids: [...target.ids] });
  const items = [
    { id: 'relabel', text: selectionTexts.relabel },
    { id: 'trash', text: selectionTexts.trash },
  ];
  return (
    <div className="selection-bar appear" role="toolbar" aria-label={selectionTexts.toolbar}>
      <Button variant="icon" iconName="close" ariaLabel={selectionTexts.none} onClick={() => onSelect(noSelection)} />
      <strong aria-live="polite">{selectionTexts.selected(ids.length)}</strong>
      {ids.length < order.length && (
        <LinkButton onClick={() => onSelect(selectAll(order))}>{selectionTexts.all(order.length)}</LinkButton>
      )}
      <div className="selection-actions">
        {trashed ? (
          <Button onClick={() => void run('restore')}>{selectionTexts.restore}</Button>
        ) : (
          <>
            <Button onClick={() => setEditing(true)}>{selectionTexts.edit}</Button>
            <ButtonDropdown
              items={items}
              onItemClick={({ detail }) => void run(detail.id as PhotoAction)}
              expandToViewport
            >
              {selectionTexts.more}
            </ButtonDropdown>
            <Button variant="primary" onClick={bundle} loading={busy}>
              {selectionTexts.bundle}
            </Button>
          </>
        )}
      </div>
      {editing && <EditLabelsDialog target={target} count={ids.length} onClose={() => setEditing(false)} />}
    </div>
  );
}
