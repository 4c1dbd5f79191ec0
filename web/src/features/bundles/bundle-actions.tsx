import { Button } from '@cloudscape-design/components';
import { useState } from 'react';
import { archiveUrl, isUnfinished, useDeleteBundle } from '@/api/bundles';
import type { Bundle } from '@/api/types';
import { bundlesTexts } from '@/texts';
import { Confirm } from '@/ui/confirm';
import { copyText } from '@/ui/copy-text';
import { useNotify } from '@/ui/notices';
import { useGetBundle } from '@/ui/use-get-bundle';

function Ready({ bundle }: { bundle: Bundle }) {
  const notify = useNotify();
  const { link } = bundle;
  const copy = async (text: string) => {
    const copied = await copyText(new URL(text, window.location.origin).href);
    notify(copied ? { type: 'success', text: bundlesTexts.copied } : { type: 'error', text: bundlesTexts.copyFailed });
  };
  return (
    <>
      <Button variant="primary" iconName="download" href={archiveUrl(bundle)} download>
        {bundlesTexts.download}
      </Button>
      {link && (
        <Button iconName="copy" onClick={() => void copy(link)}>
          {bundlesTexts.copy}
        </Button>
      )}
    </>
  );
}

export function BundleActions({ bundle }: { bundle: Bundle }) {
  const remove = useDeleteBundle();
  const notify = useNotify();
  const { get, busy } = useGetBundle();
  const [asking, setAsking] = useState(false);
  const ready = bundle.state === 'ready';
  const drop = () =>
    remove.mutate(bundle.id, {
      onError: (error) => notify({ type: 'error', header: bundlesTexts.failedToCancel, text: error.message }),
      onSettled: () => setAsking(false),
    });
  return (
    <div className="row">
      {ready && <Ready bundle={bundle} />}
      {ready && <Button onClick={() => setAsking(true)}>{bundlesTexts.revoke}</Button>}
      {isUnfinished(bundle) && (
        <Button onClick={drop} loading={remove.isPending}>
          {bundlesTexts.cancel}
        </Button>
      )}
      {!isUnfinished(bundle) && !ready && (
        <Button iconName="refresh" onClick={() => get(bundle.query)} loading={busy}>
          {bundlesTexts.again}
        </Button>
      )}
      {asking && (
        <Confirm
          title={bundlesTexts.revokeAsk}
          detail={bundlesTexts.revokeDetail}
          confirm={bundlesTexts.revoke}
          busy={remove.isPending}
          onConfirm={drop}
          onCancel={() => setAsking(false)}
        />
      )}
    </div>
  );
}
