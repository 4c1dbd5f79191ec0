import { Alert, Button, CopyToClipboard, FormField, Input } from '@cloudscape-design/components';
import { type SyntheticEvent, useState } from 'react';
import { useCreateToken, useRevokeToken, useTokens } from '@/api/account';
import type { Token } from '@/api/types';
import { formatRelative } from '@/lib/format';
import { settingsTexts } from '@/texts';
import { PillChoice } from '@/ui/pill-choice';
import { useNow } from '@/ui/use-now';

function NewToken() {
  const create = useCreateToken();
  const [name, setName] = useState('');
  const [scope, setScope] = useState<'read' | 'write'>('write');
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    create.mutate(
      { name: name.trim(), scopes: scope === 'write' ? ['read', 'write'] : ['read'] },
      { onSuccess: () => setName('') },
    );
  };
  return (
    <form className="stack" onSubmit={submit}>
      {create.error && <Alert type="error">{create.error.message}</Alert>}
      {create.data && (
        <Alert type="success" header={settingsTexts.tokenSecret}>
          <CopyToClipboard
            variant="inline"
            textToCopy={create.data.token}
            copyButtonAriaLabel={settingsTexts.tokenCopy}
            copySuccessText={settingsTexts.tokenCopied}
            copyErrorText={settingsTexts.tokenCopyFailed}
          />
        </Alert>
      )}
      <div className="settings-row">
        <FormField label={settingsTexts.tokenName}>
          <Input
            value={name}
            placeholder={settingsTexts.tokenNamePlaceholder}
            onChange={({ detail }) => setName(detail.value)}
          />
        </FormField>
        <PillChoice
          label={settingsTexts.tokenScope}
          value={scope}
          options={[
            { id: 'write', text: settingsTexts.tokenWrite },
            { id: 'read', text: settingsTexts.tokenRead },
          ]}
          onChange={setScope}
        />
        <Button formAction="submit" disabled={name.trim() === ''} loading={create.isPending}>
          {settingsTexts.tokenMake}
        </Button>
      </div>
    </form>
  );
}

function TokenRow({ token }: { token: Token }) {
  const revoke = useRevokeToken();
  const now = useNow();
  const scope = token.scopes.includes('write') ? settingsTexts.tokenWrite : settingsTexts.tokenRead;
  return (
    <li className="row spread token">
      <div>
        <strong>{token.name}</strong>
        <p className="soft">
          {scope}, {settingsTexts.tokenMade(formatRelative(token.created_at, now))}
        </p>
      </div>
      <Button
        ariaLabel={settingsTexts.tokenRevoke(token.name)}
        loading={revoke.isPending}
        onClick={() => revoke.mutate(token.id)}
      >
        {settingsTexts.tokenRevokeShort}
      </Button>
    </li>
  );
}

export function TokensPanel() {
  const { data: tokens = [] } = useTokens();
  return (
    <section className="card stack">
      <h2>{settingsTexts.tokens}</h2>
      <p className="soft">{settingsTexts.tokensDetail}</p>
      <NewToken />
      {tokens.length === 0 && <p className="soft">{settingsTexts.tokensNone}</p>}
      <ul className="plain-list">
        {tokens.map((token) => (
          <TokenRow key={token.id} token={token} />
        ))}
      </ul>
    </section>
  );
}
