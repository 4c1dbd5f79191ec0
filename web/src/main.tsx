import '@cloudscape-design/global-styles/index.css';
import '@fontsource-variable/inter/wght.css';
import 'virtual:theme.css';
import './styles/index.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { preparePhotos } from '@/api/photos';
import { prepareSession } from '@/api/session';
import { App, createCache } from '@/app/app';
import { pause } from '@/lib/pause';

async function start(root: HTMLElement): Promise<void> {
  const cache = createCache();
  // Asked for early, they are here by now: the page comes at once, with no spinner before it.
  await Promise.race([prepareSession(cache), pause(500)]);
  await Promise.race([preparePhotos(cache).catch(() => undefined), pause(200)]);
  createRoot(root).render(
    <StrictMode>
      <App cache={cache} />
    </StrictMode>,
  );
}

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no #root');
void start(root);
