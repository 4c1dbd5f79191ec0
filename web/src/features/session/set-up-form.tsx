import { Alert, Button, FormField, Input } from '@cloudscape-design/components';
import { type SyntheticEvent, useState } from 'react';
import { useSetUp } from '@/api/session';
import { sessionTexts } from '@/texts';

/** Makes the first account, with the one-time code that the server printed. */
export function SetUpForm() {
  const setUp = useSetUp();
  const [code, setCode] = useState('');
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    setUp.mutate({ code: code.trim(), username, password });
  };
  return (
    <form className="stack" onSubmit={submit}>
      <div>
        <h1>{sessionTexts.setUpTitle}</h1>
        <p className="soft">{sessionTexts.setUpDetail}</p>
      </div>
      {setUp.error && (
        <Alert type="error" header={sessionTexts.setUpFailed}>
          {setUp.error.message}
        </Alert>
      )}
      <FormField label={sessionTexts.code} description={sessionTexts.codeHint}>
        <Input value={code} onChange={({ detail }) => setCode(detail.value)} autoComplete={false} autoFocus />
      </FormField>
      <FormField label={sessionTexts.username}>
        <Input value={username} onChange={({ detail }) => setUsername(detail.value)} autoComplete="username" />
      </FormField>
      <FormField label={sessionTexts.password} description={sessionTexts.passwordHint}>
        <Input
          type="password"
          value={password}
          onChange={({ detail }) => setPassword(detail.value)}
          autoComplete="new-password"
        />
      </FormField>
      <Button
        variant="primary"
        formAction="submit"
        loading={setUp.isPending}
        fullWidth
        disabled={!code || !username || !password}
      >
        {sessionTexts.setUp}
      </Button>
    </form>
  );
}
