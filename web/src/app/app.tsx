import { I18nProvider } from '@cloudscape-design/components/i18n';
import messages from '@cloudscape-design/components/i18n/messages/all.en';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { useState } from 'react';
import { BrowserRouter } from 'react-router';
import { ApiError } from '@/api/errors';
import { SessionGate } from '@/features/session/session-gate';
import { NoticesProvider } from '@/ui/notices';
import { createBrowserQueue } from '@/uploader/browser-queue';
import { Shell } from './shell';
import { UploadsProvider } from './uploads-provider';
import { useAppearance } from './use-appearance';

export function createCache(): QueryClient {
  const retry = (failures: number, error: Error) => failures < 2 && error instanceof ApiError && error.worthRetrying;
  return new QueryClient({ defaultOptions: { queries: { retry, staleTime: 10_000, refetchOnWindowFocus: 'always' } } });
}

export function App({ cache }: { cache: QueryClient }) {
  useAppearance();
  const [queue] = useState(createBrowserQueue);
  return (
    <I18nProvider locale="en" messages={[messages]}>
      <QueryClientProvider client={cache}>
        <NoticesProvider>
          <SessionGate onSignedIn={() => queue.paused === 'signed-out' && queue.resume()}>
            {(config) => (
              <BrowserRouter>
                <UploadsProvider queue={queue} config={config}>
                  <Shell />
                </UploadsProvider>
              </BrowserRouter>
            )}
          </SessionGate>
        </NoticesProvider>
      </QueryClientProvider>
    </I18nProvider>
  );
}
