import { Link, useLocation } from 'react-router';
import { useBundles } from '@/api/bundles';
import { bundlesTexts } from '@/texts';
import { BundlesIcon } from '@/ui/icons';
import { Empty, Failed, Loading } from '@/ui/states';
import { useTitle } from '@/ui/use-title';
import { BundleCard } from './bundle-card';

function useFresh(): string | null {
  const state: unknown = useLocation().state;
  return state !== null && typeof state === 'object' && 'fresh' in state ? String(state.fresh) : null;
}

export function BundlesPage() {
  useTitle(bundlesTexts.title);
  const { data: bundles, error, refetch } = useBundles();
  const fresh = useFresh();
  if (!bundles) {
    const retry = () => void refetch();
    return error ? <Failed title={bundlesTexts.failedToLoad} error={error} onRetry={retry} /> : <Loading />;
  }
  if (bundles.length === 0) {
    const toLabels = <Link to="/labels">{bundlesTexts.toLabels}</Link>;
    return (
      <Empty
        alone
        icon={<BundlesIcon />}
        title={bundlesTexts.empty}
        detail={bundlesTexts.emptyDetail}
        action={toLabels}
      />
    );
  }
  return (
    <div className="page narrow">
      <div>
        <h1>{bundlesTexts.title}</h1>
        <p className="soft">{bundlesTexts.detail}</p>
      </div>
      <ul className="plain-list">
        {bundles.map((bundle) => (
          <BundleCard key={bundle.id} bundle={bundle} fresh={bundle.id === fresh} />
        ))}
      </ul>
    </div>
  );
}
