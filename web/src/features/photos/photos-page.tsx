import { Button } from '@cloudscape-design/components';
import { Suspense, useEffect, useMemo, useState } from 'react';
import { useParams, useSearchParams } from 'react-router';
import { formatFilter, isFiltering, parseFilter, type PhotoFilter } from '@/lib/photo-filter';
import { keepOnly, noSelection, type Selection } from '@/lib/selection';
import { photos as countPhotos, photosTexts } from '@/texts';
import { FirstRun } from '@/ui/first-run';
import { PhotosIcon } from '@/ui/icons';
import { deferred, lazily } from '@/ui/deferred';
import { Empty, Failed, Loading } from '@/ui/states';
import { useTouch } from '@/ui/use-media';
import { useTitle } from '@/ui/use-title';
import { PhotoGrid } from './photo-grid';
import { usePhotoList } from './use-photo-list';

const Viewer = lazily(() => import('./viewer').then((m) => m.Viewer));
const FilterBar = deferred(() => import('./filter-bar').then((m) => m.FilterBar), <div className="filter-to-come" />);
const SelectionBar = deferred(() => import('./selection-bar').then((m) => m.SelectionBar));
const EmptyTrash = deferred(() => import('./empty-trash').then((m) => m.EmptyTrash));

function useFilter(): [PhotoFilter, (filter: PhotoFilter) => void] {
  const [params, setParams] = useSearchParams();
  const filter = useMemo(() => parseFilter(params), [params]);
  return [filter, (next) => setParams(formatFilter(next), { preventScrollReset: true })];
}

interface NothingProps {
  trashed: boolean;
  filtering: boolean;
  onClear: () => void;
}

function Nothing({ trashed, filtering, onClear }: NothingProps) {
  if (trashed && !filtering) {
    return <Empty icon={<PhotosIcon />} title={photosTexts.trashEmpty} detail={photosTexts.trashEmptyDetail} />;
  }
  const clear = filtering && <Button onClick={onClear}>{photosTexts.clear}</Button>;
  return <Empty icon={<PhotosIcon />} title={photosTexts.noMatch} detail={photosTexts.noMatchDetail} action={clear} />;
}

export function PhotosPage({ trashed }: { trashed: boolean }) {
  const title = trashed ? photosTexts.trashTitle : photosTexts.title;
  useTitle(title);
  const { photoId } = useParams();
  const [filter, setFilter] = useFilter();
  const list = usePhotoList({ ...filter, trashed });
  const { photos } = list;
  const order = useMemo(() => photos?.map(({ id }) => id) ?? [], [photos]);
  const [ticked, setSelection] = useState<Selection>(noSelection);
  const selection = useMemo(() => keepOnly(ticked, order), [ticked, order]);
  const [picking, setPicking] = useState(false);
  const touch = useTouch();
  const filtering = isFiltering(filter);
  const base = trashed ? '/trash' : '/photos';
  const shown = photos !== undefined;
  useEffect(() => {
    if (shown) SelectionBar.prepare();
  }, [shown]);
  const clear = () => setFilter(parseFilter(new URLSearchParams()));
  if (list.empty && !filtering && !trashed) return <FirstRun />;
  return (
    <div className="page">
      <div className="page-head">
        <div>
          <h1>{title}</h1>
          <p className="soft" aria-live="polite">
            {trashed && photos?.length !== 0 ? `${photosTexts.trashDetail} ` : ''}
            {photos && countPhotos(photos.length)}
          </p>
        </div>
        <div className="row">
          {touch && order.length > 0 && (
            <Button onClick={() => setPicking(!picking)}>{picking ? photosTexts.pickDone : photosTexts.pick}</Button>
          )}
          {trashed && <EmptyTrash count={order.length} />}
        </div>
      </div>
      {(filtering || photos?.length !== 0) && <FilterBar filter={filter} onChange={setFilter} />}
      {list.error && <Failed title={photosTexts.failedToLoad} error={list.error} onRetry={() => void list.refetch()} />}
      {!photos && !list.error && <Loading />}
      {photos?.length === 0 && <Nothing trashed={trashed} filtering={filtering} onClear={clear} />}
      {photos && photos.length > 0 && (
        <PhotoGrid
          photos={photos}
          order={order}
          sort={filter.sort}
          base={base}
          selection={selection}
          picking={picking || selection.ids.size > 0}
          onSelect={setSelection}
        />
      )}
      {list.arrived > 0 && (
        <div className="arrived appear">
          <Button variant="primary" onClick={list.showArrived}>
            {photosTexts.newPhotos(list.arrived)}
          </Button>
        </div>
      )}
      {selection.ids.size > 0 && (
        <SelectionBar order={order} filter={filter} trashed={trashed} selection={selection} onSelect={setSelection} />
      )}
      {photoId !== undefined && (
        <Suspense fallback={null}>
          <Viewer photoId={photoId} order={order} base={base} />
        </Suspense>
      )}
    </div>
  );
}
