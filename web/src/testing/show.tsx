import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { render } from '@testing-library/react';
import type { ReactNode } from 'react';
import { MemoryRouter } from 'react-router';
import { NoticesProvider } from '@/ui/notices';
import { UploadQueue } from '@/uploader/upload-queue';
import { UploadsContext } from '@/uploader/uploads-context';

const idle = new UploadQueue({
  hash: () => new Promise(() => undefined),
  reserve: () => new Promise(() => undefined),
  put: () => new Promise(() => undefined),
  wait: () => new Promise(() => undefined),
});

/** Shows a screen as the app does, at an address, with an idle upload queue. */
export function show(screen: ReactNode, address = '/', queue: UploadQueue = idle) {
  const cache = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  const limits = { maxBytes: 1e9, formats: ['image/jpeg'] };
  return render(
    <QueryClientProvider client={cache}>
      <NoticesProvider>
        <MemoryRouter initialEntries={[address]}>
          <UploadsContext value={{ queue, add: (files) => queue.add(files, limits) }}>{screen}</UploadsContext>
        </MemoryRouter>
      </NoticesProvider>
    </QueryClientProvider>,
  );
}
