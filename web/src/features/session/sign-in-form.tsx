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

/** Signs in the way this server asks for: a local account, or a provider's own page. */
export function SignInFields({ auth, stay = false }: Props) {
  if (auth.mode !== 'oidc') return <LocalForm />;
  return (
    <div className="stack">
      <Button variant="primary" href={auth.login_url ?? '/api/auth/login'} target={stay ? '_blank' : '_self'} fullWidth>
        {sessionTexts.withProvider}
      </Button>
      {stay && <p className="soft">{sessionTexts.inNewTab}</p>}
    </div>
  );
}

export function SignInForm(props: Props) {
  return (
    <div className="stack">
      <div>
        <h1>{sessionTexts.title}</h1>
        <p className="soft">{sessionTexts.detail}</p>
      </div>
      <SignInFields {...props} />
    </div>
  );
}
