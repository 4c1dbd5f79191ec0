import { Button, ProgressBar } from '@cloudscape-design/components';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { useStatus } from '@/api/account';
import { formatBytes, formatDuration, formatNumber, formatRate } from '@/lib/format';
import { emptyFilter, formatFilter } from '@/lib/photo-filter';
import { files, uploadsTexts } from '@/texts';
import { Confirm } from '@/ui/confirm';
import { useUploads, type UploadsView } from '@/uploader/uploads-context';

function problems({ totals: { states } }: UploadsView): number {
  return states.failed + states.rejected + states.cancelled;
}

function headline(view: UploadsView): string {
  const { totals, paused, unfinished } = view;
  if (unfinished > 0 && paused === 'user') return uploadsTexts.paused;
  if (unfinished > 0 && paused === 'offline') return uploadsTexts.offline;
  if (unfinished > 0 && paused === 'signed-out') return uploadsTexts.signedOut;
  if (unfinished > 0) return uploadsTexts.progress(formatNumber(totals.files - unfinished), files(totals.files));
  return problems(view) > 0 ? uploadsTexts.finishedPartly : uploadsTexts.finished;
}

function detail(view: UploadsView): string {
  const { totals, rate, secondsLeft, unfinished } = view;
  const { states } = totals;
  if (unfinished === 0) return uploadsTexts.summary(states.stored + states.labelled, states.duplicate, problems(view));
  const parts = [
    uploadsTexts.progress(formatBytes(totals.doneBytes), formatBytes(totals.bytes)),
    rate === null ? '' : formatRate(rate),
    secondsLeft === null ? '' : uploadsTexts.left(formatDuration(secondsLeft)),
  ];
  return parts.filter((part) => part !== '').join(' · ');
}

// Rounded down, so that the bar is full only when everything is done.
function percentDone({ totals, unfinished }: UploadsView): number {
  if (unfinished === 0) return 100;
  return totals.bytes === 0 ? 0 : Math.min(99, Math.floor((100 * totals.doneBytes) / totals.bytes));
}

/** What one wants next: the photos that have just arrived, first. */
function SeePhotos() {
  const navigate = useNavigate();
  const address = `/photos?${formatFilter({ ...emptyFilter, sort: '-created_at' }).toString()}`;
  const follow = (event: CustomEvent) => {
    event.preventDefault();
    void navigate(address);
  };
  return (
    <Button variant="primary" href={address} onFollow={follow}>
      {uploadsTexts.seePhotos}
    </Button>
  );
}

function Buttons({ view }: { view: UploadsView }) {
  const { queue } = useUploads();
  const [asking, setAsking] = useState(false);
  const { paused, unfinished, totals } = view;
  const retryable = totals.states.failed + totals.states.cancelled;
  return (
    <div className="row">
      {unfinished > 0 && paused !== 'user' && (
        <Button iconName="pause" onClick={() => queue.pause('user')}>
          {uploadsTexts.pause}
        </Button>
      )}
      {unfinished > 0 && paused === 'user' && (
        <Button variant="primary" iconName="play" onClick={() => queue.resume()}>
          {uploadsTexts.resume}
        </Button>
      )}
      {retryable > 0 && (
        <Button iconName="refresh" onClick={() => queue.retry()}>
          {uploadsTexts.retryFailed}
        </Button>
      )}
      {unfinished > 0 && <Button onClick={() => setAsking(true)}>{uploadsTexts.cancel}</Button>}
      {unfinished === 0 && <Button onClick={() => queue.clear()}>{uploadsTexts.clear}</Button>}
      {unfinished === 0 && <SeePhotos />}
      {asking && unfinished > 0 && (
        <Confirm
          title={uploadsTexts.cancelAsk(unfinished)}
          detail={uploadsTexts.cancelDetail}
          confirm={uploadsTexts.cancel}
          cancel={uploadsTexts.keepOn}
          onConfirm={() => {
            queue.cancel();
            setAsking(false);
          }}
          onCancel={() => setAsking(false)}
        />
      )}
    </div>
  );
}

/** What the server has still to look at, whoever sent it. */
function Labelling() {
  const { data: status } = useStatus();
  const waiting = status?.photos.stored ?? 0;
  return waiting > 0 ? <p className="soft">{uploadsTexts.labelling(waiting)}</p> : null;
}

/** One honest bar for everything, and what can be done about it. */
export function UploadSummary({ view }: { view: UploadsView }) {
  const done = view.unfinished === 0;
  return (
    <section className="card stack" aria-label={uploadsTexts.overall}>
      <div className="row spread">
        <h2>{headline(view)}</h2>
        <Buttons view={view} />
      </div>
      {!done && <ProgressBar value={percentDone(view)} ariaLabel={uploadsTexts.overall} />}
      <p className="soft upload-detail">{detail(view)}</p>
      {done && <Labelling />}
    </section>
  );
}
