import { type ReactNode, useEffect, useMemo } from 'react';
import type { Config } from '@/api/types';
import type { PickedFile } from '@/uploader/model';
import { UploadsContext } from '@/uploader/uploads-context';
import type { UploadQueue } from '@/uploader/upload-queue';

interface Props {
  queue: UploadQueue;
  config: Config;
  children: ReactNode;
}

function useNetworkPause(queue: UploadQueue): void {
  useEffect(() => {
    const onOffline = () => queue.pause('offline');
    const onOnline = () => {
      if (queue.paused === 'offline') queue.resume();
    };
    window.addEventListener('offline', onOffline);
    window.addEventListener('online', onOnline);
    return () => {
      window.removeEventListener('offline', onOffline);
      window.removeEventListener('online', onOnline);
    };
  }, [queue]);
}

/** Gives the pages below the one upload queue, which outlives them all. */
export function UploadsProvider({ queue, config, children }: Props) {
  useNetworkPause(queue);
  const uploads = useMemo(() => {
    const limits = { maxBytes: config.limits.max_photo_bytes, formats: config.formats };
    return { queue, add: (files: readonly PickedFile[]) => queue.add(files, limits) };
  }, [queue, config]);
  return <UploadsContext value={uploads}>{children}</UploadsContext>;
}
