import { Modal } from '@cloudscape-design/components';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { keys } from '@/api/keys';
import type { Config } from '@/api/types';
import { sessionTexts, shell } from '@/texts';
import { SignInFields } from './sign-in-form';

/** Asks for a new sign-in over the page as it is, so that nothing on it is lost. */
export function ExpiredDialog({ auth }: { auth: Config['auth'] }) {
  const cache = useQueryClient();
  useEffect(() => {
    const look = () => void cache.refetchQueries({ queryKey: keys.session });
    window.addEventListener('focus', look);
    return () => window.removeEventListener('focus', look);
  }, [cache]);
  return (
    <Modal visible header={sessionTexts.expired} closeAriaLabel={shell.close} size="small" onDismiss={() => undefined}>
      <div className="stack">
        <p className="soft">{sessionTexts.expiredDetail}</p>
        <SignInFields auth={auth} stay />
      </div>
    </Modal>
  );
}
