import { Button, Spinner, Toggle } from '@cloudscape-design/components';
import { type SyntheticEvent } from 'react';
import { isNotFound } from '@/api/errors';
import { originalUrl, useEditPhoto, usePhoto } from '@/api/photos';
import type { LabelEdit, Photo } from '@/api/types';
import { shell, viewerTexts } from '@/texts';
import { useNotify } from '@/ui/notices';
import { LabelList } from './label-list';
import { LabelPicker } from './label-picker';
import { PhotoFacts } from './photo-facts';
import { usePhotoActions } from './use-photo-actions';

interface Props {
  photoId: string;
  boxes: boolean;
  onBoxes: (shown: boolean) => void;
  /** Called when the photo has left the list that it is shown in. */
  onRemoved: () => void;
}

/** Edits labels at once, with a way back in the notice. */
function useLabelEdit(photoId: string) {
  const edit = useEditPhoto(photoId);
  const notify = useNotify();
  const run = (change: LabelEdit, text: string) =>
    edit.mutate(change, {
      onSuccess: () => {
        const undo = () => edit.mutate({ add: change.remove, remove: change.add });
        notify({ id: 'label-edit', type: 'success', text, action: { text: shell.undo, onClick: undo } });
      },
      onError: (error) => notify({ type: 'error', header: viewerTexts.editFailed, text: error.message }),
    });
  return {
    add: (label: string) => run({ add: [label] }, viewerTexts.added(label)),
    remove: (label: string) => run({ remove: [label] }, viewerTexts.removed(label)),
  };
}

// Arrows typed into a field belong to the field, not to the lightbox below.
const keepKeys = (event: SyntheticEvent) => event.stopPropagation();

function Actions({ photo, onRemoved }: { photo: Photo; onRemoved: () => void }) {
  const act = usePhotoActions();
  const remove = async (action: 'trash' | 'restore') => {
    const failed = await act(action, [photo.id]);
    if (failed.length === 0) onRemoved();
  };
  const trashed = photo.trashed_at !== null;
  return (
    <div className="row">
      <Button href={originalUrl(photo.id)} target="_blank" iconName="external" iconAlign="right">
        {viewerTexts.original}
      </Button>
      {!trashed && <Button onClick={() => void act('relabel', [photo.id])}>{viewerTexts.relabel}</Button>}
      <Button iconName={trashed ? 'undo' : 'remove'} onClick={() => void remove(trashed ? 'restore' : 'trash')}>
        {trashed ? viewerTexts.restore : viewerTexts.trash}
      </Button>
    </div>
  );
}

function PanelBody({ photo, boxes, onBoxes, onRemoved }: Props & { photo: Photo }) {
  const edit = useLabelEdit(photo.id);
  const names = photo.labels.map(({ name }) => name);
  const hasBoxes = photo.labels.some((label) => label.boxes?.length);
  return (
    <>
      <h2 className="viewer-name">{photo.file_name}</h2>
      <section className="stack">
        <h3>{viewerTexts.labels}</h3>
        {photo.state === 'stored' && (
          <p className="soft row">
            <Spinner /> {viewerTexts.labelling}
          </p>
        )}
        {photo.state === 'failed' && (
          <p className="bad">
            {viewerTexts.failed}
            {photo.failure ? `: ${photo.failure.detail}` : ''}
          </p>
        )}
        {photo.state === 'labelled' && names.length === 0 && <p className="soft">{viewerTexts.noLabels}</p>}
        <LabelList labels={photo.labels} onRemove={edit.remove} />
        <LabelPicker
          ariaLabel={viewerTexts.addLabel}
          placeholder={viewerTexts.addLabel}
          except={names}
          onPick={edit.add}
        />
        {hasBoxes && (
          <Toggle checked={boxes} onChange={({ detail }) => onBoxes(detail.checked)}>
            {viewerTexts.boxes}
          </Toggle>
        )}
      </section>
      <PhotoFacts photo={photo} />
      <Actions photo={photo} onRemoved={onRemoved} />
    </>
  );
}

export function ViewerPanel(props: Props) {
  const { data: photo, error } = usePhoto(props.photoId);
  return (
    <aside
      className="viewer-panel"
      aria-label={viewerTexts.panel}
      onKeyDown={(event) => event.key !== 'Escape' && keepKeys(event)}
      onPointerDown={keepKeys}
      onWheel={keepKeys}
    >
      {photo && <PanelBody {...props} photo={photo} />}
      {!photo && error && <p className="bad">{isNotFound(error) ? viewerTexts.notFound : error.message}</p>}
      {!photo && !error && <Spinner size="large" />}
    </aside>
  );
}
