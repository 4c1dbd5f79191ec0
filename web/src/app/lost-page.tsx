import { Link } from 'react-router';
import { shell } from '@/texts';
import { PhotosIcon } from '@/ui/icons';
import { Empty } from '@/ui/states';
import { useTitle } from '@/ui/use-title';

export function LostPage() {
  useTitle(shell.lost);
  return (
    <Empty
      alone
      icon={<PhotosIcon />}
      title={shell.lost}
      detail={shell.lostDetail}
      action={<Link to="/photos">{shell.toPhotos}</Link>}
    />
  );
}
