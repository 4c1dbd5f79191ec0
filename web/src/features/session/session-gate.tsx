import { useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useEffect, useRef } from 'react';
import { signedOut } from '@/api/client';
import { keys } from '@/api/keys';
import { useConfig, useSession } from '@/api/session';
import type { Config, Session } from '@/api/types';
import { deferred } from '@/ui/deferred';
import { Loading } from '@/ui/states';
import { Door } from './door';
import { Unreachable } from './unreachable';
import { useOtherTabs } from './use-other-tabs';

const SetUpForm = deferred(() => import('./set-up-form').then((m) => m.SetUpForm));
const SignInForm = deferred(() => import('./sign-in-form').then((m) => m.SignInForm));
const ExpiredDialog = deferred(() => import('./expired-dialog').then((m) => m.ExpiredDialog));

interface Props {
  onSignedIn: () => void;
  children: (config: Config) => ReactNode;
}

function useExpiry(): void {
  const cache = useQueryClient();
  useEffect(() => signedOut.subscribe(() => cache.setQueryData(keys.session, null)), [cache]);
}

/** What is on the page must not go on for someone else: a change of person starts over. */
function useSamePerson(session: Session | null | undefined): void {
  const owner = useRef<string | null>(null);
  useEffect(() => {
    if (!session) return;
    if (owner.current !== null && owner.current !== session.owner) window.location.reload();
    owner.current = session.owner;
  }, [session]);
}

function useSignedInBefore(signedIn: boolean): boolean {
  const cache = useQueryClient();
  const key = 'signed-in-before';
  useEffect(() => {
    if (signedIn) cache.setQueryData([key], true);
  }, [cache, signedIn]);
  return cache.getQueryData([key]) === true;
}

/** Lets nobody past who is not signed in. Once someone is, an expired session only covers the page. */
export function SessionGate({ onSignedIn, children }: Props) {
  const config = useConfig();
  const session = useSession();
  const signedIn = Boolean(session.data);
  const before = useSignedInBefore(signedIn);
  useExpiry();
  useSamePerson(session.data);
  useOtherTabs(signedIn);
  useEffect(() => {
    if (signedIn) onSignedIn();
  });
  // Once it is wanted, the server may have other files.
  useEffect(() => {
    if (signedIn) ExpiredDialog.prepare();
  }, [signedIn]);
  // A failed refresh keeps the data, and the page with it.
  if (config.data === undefined || session.data === undefined) {
    // Trying again forgets the error, not that there was one: else the page would flicker with each try.
    return config.errorUpdateCount + session.errorUpdateCount > 0 ? <Unreachable /> : <Loading />;
  }
  if (config.data.auth.setup_due && !signedIn) return <Door form={<SetUpForm />} />;
  if (!signedIn && !before) return <Door form={<SignInForm auth={config.data.auth} />} />;
  return (
    <>
      {children(config.data)}
      {!signedIn && <ExpiredDialog auth={config.data.auth} />}
    </>
  );
}
