import { answer, client } from '@/api/client';
import { pause } from '@/lib/pause';
import { Hasher } from './hasher';
import { putWithXhr } from './put-with-xhr';
import { UploadQueue } from './upload-queue';

/** The queue with the browser's workers, network and clock. */
export function createBrowserQueue(): UploadQueue {
  return new UploadQueue({
    hash: new Hasher().hash,
    reserve: async (files) => (await answer(client.POST('/api/uploads', { body: { files } }))).uploads,
    put: putWithXhr,
    wait: pause,
  });
}
