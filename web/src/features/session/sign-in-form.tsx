import { Alert, Button, FormField, Input } from '@cloudscape-design/components';
import { type SyntheticEvent, useState } from 'react';
import { ApiError } from '@/api/errors';
import { useSignIn } from '@/api/session';
import type { Config } from '@/api/types';
import { sessionTexts } from '@/texts';

function problem(error: Error): string {
  return error instanceof ApiError && error.status === 401 ? sessionTexts.wrong : error.message;
}

function LocalForm() {
  const signIn = useSignIn();
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    signIn.mutate({ username, password });
  };
  return (
    <form className="stack" onSubmit={submit}>
      {signIn.error && <Alert type="error">{problem(signIn.error)}</Alert>}
      <FormField label={sessionTexts.username}>
        <Input
          value={username}
          onChange={({ detail }) => setUsername(detail.value)}
          autoComplete="username"
          autoFocus
        />
      </FormField>
      <FormField label={sessionTexts.password}>
        <Input
          type="password"
          value={password}
          onChange={({ detail }) => setPassword(detail.value)}
          autoComplete="current-password"
        />
      </FormField>
      <Button
        variant="primary"
        formAction="submit"
        loading={signIn.isPending}
        fullWidth
        disabled={!username || !password}
      >
        {sessionTexts.signIn}
      </Button>
    </form>
  );
}

interface Props {
  auth: Config['auth'];
  /** True where leaving the page would lose an upload. */
  stay?: boolean;
}

/** The page as it is, to come back to; without what a sign-in before it has left in the address. */
function here(): string {
  const { pathname, search, hash } = window.location;
  const query = new URLSearchParams(search);
  query.delete('sign_in');
  return `${pathname}${query.size > 0 ? `?${query.toString()}` : ''}${hash}`;
}

/** Signs in the way this server asks for: a local account, or a provider's own page. */
export function SignInFields({ auth, stay = false }: Props) {
  if (auth.login_url === null) return <LocalForm />;
  const backTo = encodeURIComponent(stay ? '/signed-in' : here());
  return (
    <div className="stack">
      <Button
        variant="primary"
        href={`${auth.login_url}?back_to=${backTo}`}
        target={stay ? '_blank' : '_self'}
        fullWidth
      >
        {sessionTexts.signIn}
      </Button>
      {stay && <p className="soft">{sessionTexts.inNewTab}</p>}
    </div>
  );
}

export function SignInForm(props: Props) {
  const problem = new URLSearchParams(window.location.search).get('sign_in');
  return (
    <div className="stack">
      <div>
        <h1>{sessionTexts.title}</h1>
        <p className="soft">{sessionTexts.detail}</p>
      </div>
      {problem !== null && (
        <Alert type="error" header={sessionTexts.failed}>
          {sessionTexts.problem(problem)}
        </Alert>
      )}
      <SignInFields {...props} />
    </div>
  );
}
