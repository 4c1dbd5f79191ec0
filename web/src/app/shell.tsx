import { useEffect } from 'react';
import { useLocation } from 'react-router';
import { shell } from '@/texts';
import { CrashGuard } from './crash-guard';
import { DropTarget } from './drop-target';
import { Pages } from './pages';
import { TopBar } from './top-bar';
import { UploadDock } from './upload-dock';
import { useBundleNotices } from './use-bundle-notices';
import { useLiveUpdates } from './use-live-updates';
import { useUploadGuard } from './use-upload-guard';

export function Shell() {
  useLiveUpdates();
  useBundleNotices();
  useUploadGuard();
  const page = useLocation().pathname.split('/')[1];
  useEffect(() => {
    window.scrollTo(0, 0);
  }, [page]);
  return (
    <>
      <a className="skip-link" href="#content">
        {shell.skip}
      </a>
      <TopBar />
      <main className="main" id="content" tabIndex={-1}>
        <CrashGuard key={page}>
          <Pages />
        </CrashGuard>
      </main>
      <UploadDock />
      <DropTarget />
    </>
  );
}
