import { Link } from 'react-router';
import { sessionTexts, shell } from '@/texts';
import { PhotosIcon } from '@/ui/icons';
import { Empty } from '@/ui/states';
import { useTitle } from '@/ui/use-title';

/** Where a tab ends that was opened only to sign in again. */
export function SignedInPage() {
  useTitle(sessionTexts.signedIn);
  return (
    <Empty
      alone
      icon={<PhotosIcon />}
      title={sessionTexts.signedIn}
      detail={sessionTexts.signedInDetail}
      action={<Link to="/photos">{shell.toPhotos}</Link>}
    />
  );
}
