import { Button } from '@cloudscape-design/components';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { keys } from '@/api/keys';
import { emptyTrash } from '@/api/photos';
import { photosTexts } from '@/texts';
import { Confirm } from '@/ui/confirm';
import { useNotify } from '@/ui/notices';

export function EmptyTrash({ count }: { count: number }) {
  const cache = useQueryClient();
  const notify = useNotify();
  const [asking, setAsking] = useState(false);
  const empty = useMutation({
    mutationFn: emptyTrash,
    onSuccess: () => notify({ type: 'success', text: photosTexts.emptyTrashDone }),
    onError: (error) => notify({ type: 'error', text: error.message }),
    onSettled: () => {
      setAsking(false);
      void cache.invalidateQueries({ queryKey: keys.photos });
      void cache.invalidateQueries({ queryKey: keys.status });
    },
  });
  if (count === 0) return null;
  return (
    <>
      <Button iconName="remove" onClick={() => setAsking(true)}>
        {photosTexts.emptyTrash}
      </Button>
      {asking && (
        <Confirm
          title={photosTexts.emptyTrashAsk(count)}
          detail={photosTexts.emptyTrashDetail}
          confirm={photosTexts.emptyTrash}
          busy={empty.isPending}
          onConfirm={() => empty.mutate()}
          onCancel={() => setAsking(false)}
        />
      )}
    </>
  );
}
