import { useEffect, useRef } from 'react';
import { useNavigate } from 'react-router';
import { archiveUrl, useBundles } from '@/api/bundles';
import type { Bundle } from '@/api/types';
import { bundlesTexts, queryInWords, shell } from '@/texts';
import { downloadFrom } from '@/ui/download';
import { useNotify } from '@/ui/notices';
import { usePreferences } from '@/ui/use-preferences';

const going = new Set<Bundle['state']>(['queued', 'restoring', 'building']);

function nameOf(bundle: Bundle): string {
  return bundle.name || queryInWords(bundle.query);
}

function showBrowserNotice(bundle: Bundle): void {
  if (!('Notification' in window) || Notification.permission !== 'granted' || !document.hidden) return;
  const notice = new Notification(shell.bundleReady, { body: nameOf(bundle), tag: bundle.id });
  notice.onclick = () => window.focus();
}

/** Says, wherever the user is, that a ZIP which was being made is ready or has failed. */
export function useBundleNotices(): void {
  const { data: bundles } = useBundles();
  const notify = useNotify();
  const navigate = useNavigate();
  const { browserNotices } = usePreferences();
  const seen = useRef(new Map<string, Bundle['state']>());
  useEffect(() => {
    for (const bundle of bundles ?? []) {
      const before = seen.current.get(bundle.id);
      seen.current.set(bundle.id, bundle.state);
      if (before === undefined || !going.has(before)) continue;
      if (bundle.state === 'ready') {
        const action = { text: shell.download, onClick: () => downloadFrom(archiveUrl(bundle)) };
        notify({
          id: bundle.id,
          type: 'success',
          header: shell.bundleReady,
          text: nameOf(bundle),
          action,
          lasting: true,
        });
        if (browserNotices) showBrowserNotice(bundle);
      }
      if (bundle.state === 'failed') {
        const action = { text: shell.uploadShow, onClick: () => void navigate('/bundles') };
        const text = bundle.failure?.detail ?? bundlesTexts.defaultReason;
        notify({ id: bundle.id, type: 'error', header: shell.bundleFailed, text, action });
      }
    }
  }, [bundles, browserNotices, navigate, notify]);
}
