import { useQueryClient } from '@tanstack/react-query';
import { keys } from '@/api/keys';
import { actOnPhotos, type PhotoAction } from '@/api/photos';
import { selectionTexts, shell } from '@/texts';
import { useNotify } from '@/ui/notices';

const done: Record<PhotoAction, (n: number) => string> = {
  trash: selectionTexts.trashed,
  restore: selectionTexts.restored,
  relabel: selectionTexts.relabelling,
};

const opposite: Partial<Record<PhotoAction, PhotoAction>> = { trash: 'restore', restore: 'trash' };

const id = 'photo-action';
/** More than this takes long enough to be told of. */
const atOnce = 100;

/** Does something to photos and says so, with a way back. Gives the ids it did not work for. */
export function usePhotoActions() {
  const cache = useQueryClient();
  const notify = useNotify();
  const act = async (action: PhotoAction, ids: readonly string[]): Promise<string[]> => {
    const tell = (done: number) => {
      const isWorthTelling = ids.length > atOnce && done < ids.length && done % atOnce === 0;
      if (isWorthTelling) notify({ id, type: 'in-progress', text: selectionTexts.working(done, ids.length) });
    };
    tell(0);
    const failed = await actOnPhotos(action, ids, tell);
    for (const queryKey of [keys.photos, keys.labels, keys.status]) void cache.invalidateQueries({ queryKey });
    const missed = new Set(failed);
    const worked = ids.filter((one) => !missed.has(one));
    const back = opposite[action];
    const undo = back && { text: shell.undo, onClick: () => void act(back, worked) };
    if (worked.length > 0) notify({ id, type: 'success', text: done[action](worked.length), action: undo });
    const nothingWorked = worked.length === 0;
    if (failed.length > 0)
      notify({ id: nothingWorked ? id : undefined, type: 'error', text: selectionTexts.partly(failed.length) });
    return failed;
  };
  return act;
}
