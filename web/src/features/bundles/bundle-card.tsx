import { ProgressBar, StatusIndicator, type StatusIndicatorProps } from '@cloudscape-design/components';
import { isUnfinished } from '@/api/bundles';
import type { Bundle } from '@/api/types';
import { formatBytes, formatNumber, formatRelative } from '@/lib/format';
import { bundlesTexts, photos, queryInWords } from '@/texts';
import { useNow } from '@/ui/use-now';
import { BundleActions } from './bundle-actions';

const indicators: Record<Bundle['state'], StatusIndicatorProps.Type> = {
  queued: 'pending',
  restoring: 'in-progress',
  building: 'in-progress',
  ready: 'success',
  failed: 'error',
  cancelled: 'stopped',
  expired: 'stopped',
};

function Progress({ bundle }: { bundle: Bundle }) {
  const { progress, bytes } = bundle;
  const text = bundlesTexts.progress(
    formatNumber(progress.photos),
    photos(bundle.photos),
    formatBytes(progress.bytes),
    formatBytes(bytes),
  );
  return <ProgressBar value={bytes > 0 ? (100 * progress.bytes) / bytes : 0} description={text} ariaLabel={text} />;
}

function When({ bundle }: { bundle: Bundle }) {
  const now = useNow();
  const parts = [
    bundle.state === 'ready' && bundle.expires_at ? bundlesTexts.expires(formatRelative(bundle.expires_at, now)) : '',
    bundlesTexts.asked(formatRelative(bundle.created_at, now)),
  ];
  return <p className="soft">{parts.filter((part) => part !== '').join(' · ')}</p>;
}

export function BundleCard({ bundle, fresh }: { bundle: Bundle; fresh: boolean }) {
  return (
    <li className={fresh ? 'card bundle fresh' : 'card bundle'}>
      <div className="row spread">
        <h2>{bundle.name || queryInWords(bundle.query)}</h2>
        <StatusIndicator type={indicators[bundle.state]}>{bundlesTexts.states[bundle.state]}</StatusIndicator>
      </div>
      <p>
        {photos(bundle.photos)}, {formatBytes(bundle.bytes)}
      </p>
      {isUnfinished(bundle) && <Progress bundle={bundle} />}
      {bundle.state === 'restoring' && <p className="soft">{bundlesTexts.restoringDetail}</p>}
      {bundle.state === 'failed' && <p className="bad">{bundle.failure?.detail ?? bundlesTexts.defaultReason}</p>}
      <When bundle={bundle} />
      <BundleActions bundle={bundle} />
    </li>
  );
}
