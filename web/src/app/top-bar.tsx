import type { ReactNode } from 'react';
import { Link, NavLink } from 'react-router';
import { isUnfinished, useBundles } from '@/api/bundles';
import { formatNumber } from '@/lib/format';
import { shell } from '@/texts';
import { deferred } from '@/ui/deferred';
import { BundlesIcon, LabelsIcon, LogoIcon, PhotosIcon, UploadsIcon } from '@/ui/icons';
import { useUploadsView } from '@/uploader/uploads-context';
import { CrashGuard } from './crash-guard';

interface TabProps {
  to: string;
  icon: ReactNode;
  text: string;
  count?: number;
}

function Tab({ to, icon, text, count = 0 }: TabProps) {
  return (
    <NavLink to={to} className="tab">
      {icon}
      {text}
      {count > 0 && <span className="tab-count">{formatNumber(count)}</span>}
    </NavLink>
  );
}

function Tabs() {
  const { unfinished } = useUploadsView();
  const { data: bundles } = useBundles();
  return (
    <nav className="tabs" aria-label={shell.navigation}>
      <Tab to="/photos" icon={<PhotosIcon />} text={shell.photos} />
      <Tab to="/labels" icon={<LabelsIcon />} text={shell.labels} />
      <Tab to="/uploads" icon={<UploadsIcon />} text={shell.uploads} count={unfinished} />
      <Tab to="/bundles" icon={<BundlesIcon />} text={shell.bundles} count={bundles?.filter(isUnfinished).length} />
    </nav>
  );
}

const TopActions = deferred(() => import('./top-actions').then((m) => m.TopActions));

export function TopBar() {
  return (
    <header className="top">
      <Link to="/photos" className="brand">
        <LogoIcon />
        {shell.name}
      </Link>
      <Tabs />
      <div className="top-actions">
        <CrashGuard>
          <TopActions />
        </CrashGuard>
      </div>
    </header>
  );
}
