import { ButtonDropdown, type ButtonDropdownProps } from '@cloudscape-design/components';
import type { ReactNode } from 'react';
import { NavLink, Link, useNavigate } from 'react-router';
import { isUnfinished, useBundles } from '@/api/bundles';
import { useConfig, useSession, useSignOut } from '@/api/session';
import { formatNumber } from '@/lib/format';
import { shell } from '@/texts';
import { useChooser } from '@/ui/choose-files';
import { acceptAttribute } from '@/ui/formats';
import { BundlesIcon, LabelsIcon, LogoIcon, PhotosIcon, UploadsIcon } from '@/ui/icons';
import { useUploadsView } from '@/uploader/uploads-context';

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

function AddPhotos({ accept }: { accept: string }) {
  const files = useChooser({ accept, folder: false });
  const folder = useChooser({ accept, folder: true });
  const items = [
    { id: 'files', text: shell.chooseFiles },
    { id: 'folder', text: shell.chooseFolder },
  ];
  return (
    <>
      <ButtonDropdown
        variant="primary"
        items={items}
        onItemClick={({ detail }) => (detail.id === 'files' ? files : folder).open()}
      >
        {shell.addPhotos}
      </ButtonDropdown>
      {files.element}
      {folder.element}
    </>
  );
}

function Menu() {
  const { data: session } = useSession();
  const signOut = useSignOut();
  const navigate = useNavigate();
  const canSignOut = session && session.mode !== 'none';
  const items: ButtonDropdownProps.Items = [
    { id: '/trash', text: shell.trash, iconName: 'remove' },
    { id: '/settings', text: shell.settings, iconName: 'settings' },
    { id: 'api', text: shell.apiDocs, iconName: 'script', href: '/api/docs' },
    ...(canSignOut ? [{ id: 'out', text: shell.signOut, iconName: 'lock-private' as const }] : []),
  ];
  const onItemClick: ButtonDropdownProps['onItemClick'] = ({ detail: { id } }) => {
    if (id === 'out') signOut.mutate();
    else if (id !== 'api') void navigate(id);
  };
  const label = canSignOut ? shell.account(session.username) : shell.menu;
  return <ButtonDropdown variant="icon" items={items} ariaLabel={label} onItemClick={onItemClick} expandToViewport />;
}

export function TopBar() {
  const { data: config } = useConfig();
  return (
    <header className="top">
      <Link to="/photos" className="brand">
        <LogoIcon />
        {shell.name}
      </Link>
      <Tabs />
      <div className="top-actions">
        {config && <AddPhotos accept={acceptAttribute(config)} />}
        <Menu />
      </div>
    </header>
  );
}
