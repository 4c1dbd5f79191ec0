import { Link, useLocation } from 'react-router';
import { formatNumber } from '@/lib/format';
import { shell } from '@/texts';
import { type UploadsView, useUploadsView } from '@/uploader/uploads-context';

function dockText({ paused, totals, unfinished }: UploadsView): string {
  if (paused === 'user') return shell.uploadPaused;
  if (paused === 'signed-out') return shell.uploadSignedOut;
  if (paused === 'offline') return shell.uploadOffline;
  return shell.uploading(formatNumber(totals.files - unfinished), formatNumber(totals.files));
}

/** A small view of the upload that stays while one browses, and leads to the whole one. */
export function UploadDock() {
  const view = useUploadsView();
  const { pathname } = useLocation();
  if (view.unfinished === 0 || pathname === '/uploads') return null;
  const share = view.totals.bytes === 0 ? 0 : view.totals.doneBytes / view.totals.bytes;
  return (
    <section aria-label={shell.uploads}>
      <Link to="/uploads" className="dock appear">
        {dockText(view)}
        <div className="meter">
          <div style={{ transform: `scaleX(${share})` }} />
        </div>
      </Link>
    </section>
  );
}
