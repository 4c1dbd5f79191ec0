import { useNavigate } from 'react-router';
import { archiveUrl, randomKey, useCreateBundle } from '@/api/bundles';
import type { Query } from '@/api/types';
import { labelsTexts } from '@/texts';
import { downloadFrom } from './download';
import { useNotify } from './notices';
import { usePreferences } from './use-preferences';

/** Asks for a ZIP and follows it: to the list of ZIPs, and to the file at once if it is ready. */
export function useGetBundle() {
  const create = useCreateBundle();
  const navigate = useNavigate();
  const notify = useNotify();
  const { sidecars } = usePreferences();
  const get = (query: Query) =>
    create.mutate(
      { query, sidecars, key: randomKey() },
      {
        onSuccess: (bundle) => {
          if (bundle.state === 'ready') downloadFrom(archiveUrl(bundle));
          void navigate('/bundles', { state: { fresh: bundle.id } });
        },
        onError: (error) => notify({ type: 'error', header: labelsTexts.startFailed, text: error.message }),
      },
    );
  return { get, busy: create.isPending };
}
