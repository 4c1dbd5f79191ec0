import { ButtonDropdown, type ButtonDropdownProps } from '@cloudscape-design/components';
import { useNavigate } from 'react-router';
import { useConfig, useSession, useSignOut } from '@/api/session';
import { shell } from '@/texts';
import { useChooser } from '@/ui/choose-files';
import { acceptAttribute } from '@/ui/formats';

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

export function TopActions() {
  const { data: config } = useConfig();
  return (
    <>
      {config && <AddPhotos accept={acceptAttribute(config)} />}
      <Menu />
    </>
  );
}
