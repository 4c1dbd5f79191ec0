import { Button, FormField, Input, Toggle } from '@cloudscape-design/components';
import { type SyntheticEvent, useState } from 'react';
import { useNotifications, useSaveNotifications } from '@/api/account';
import type { Channel, Notifications } from '@/api/types';
import { preferences } from '@/lib/preferences';
import { settingsTexts, shell } from '@/texts';
import { useNotify } from '@/ui/notices';
import { usePreferences } from '@/ui/use-preferences';

function BrowserNotices() {
  const { browserNotices } = usePreferences();
  const [denied, setDenied] = useState(false);
  const change = async (wanted: boolean) => {
    const allowed = wanted && 'Notification' in window && (await Notification.requestPermission()) === 'granted';
    setDenied(wanted && !allowed);
    preferences.set({ browserNotices: allowed });
  };
  return (
    <Toggle
      checked={browserNotices}
      description={denied ? settingsTexts.browserDenied : undefined}
      onChange={({ detail }) => void change(detail.checked)}
    >
      {settingsTexts.browser}
    </Toggle>
  );
}

function Current({ channel, saved }: { channel: Channel; saved: Notifications }) {
  const save = useSaveNotifications();
  const hint = saved[channel];
  if (!hint) return null;
  return (
    <div className="row">
      <span>{settingsTexts.goesTo(hint)}</span>
      {saved.unconfirmed.includes(channel) && <span className="soft">{settingsTexts.unconfirmed}</span>}
      <Button
        variant="inline-link"
        ariaLabel={settingsTexts.stopSendingTo(hint)}
        loading={save.isPending}
        onClick={() => save.mutate({ [channel]: null })}
      >
        {settingsTexts.stopSending}
      </Button>
    </div>
  );
}

const fields = {
  email: { label: settingsTexts.email, hint: settingsTexts.emailHint, type: 'email', autoComplete: 'email' },
  sms: { label: settingsTexts.sms, hint: settingsTexts.smsHint, type: 'text', autoComplete: 'tel' },
} as const;

/** Addresses can be set and ended, and not read back: the server hands them on and keeps none. */
function Addresses({ saved }: { saved: Notifications }) {
  const save = useSaveNotifications();
  const notify = useNotify();
  const [typed, setTyped] = useState<Partial<Record<Channel, string>>>({});
  const given = Object.entries(typed).filter(([, text]) => text.trim() !== '');
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    save.mutate(Object.fromEntries(given), {
      onSuccess: () => {
        setTyped({});
        notify({ type: 'success', text: settingsTexts.saved });
      },
      onError: (error) => notify({ type: 'error', header: settingsTexts.saveFailed, text: error.message }),
    });
  };
  return (
    <form className="stack" onSubmit={submit}>
      {saved.channels.map((channel) => (
        <div key={channel} className="stack">
          <Current channel={channel} saved={saved} />
          <FormField label={fields[channel].label} description={fields[channel].hint}>
            <Input
              type={fields[channel].type}
              value={typed[channel] ?? ''}
              onChange={({ detail }) => setTyped({ ...typed, [channel]: detail.value })}
              autoComplete={fields[channel].autoComplete}
            />
          </FormField>
        </div>
      ))}
      <div>
        <Button formAction="submit" loading={save.isPending} disabled={given.length === 0}>
          {shell.save}
        </Button>
      </div>
    </form>
  );
}

export function NotificationsPanel({ byServer }: { byServer: boolean }) {
  const { data } = useNotifications(byServer);
  return (
    <section className="card stack">
      <h2>{settingsTexts.notifications}</h2>
      <BrowserNotices />
      {data && <Addresses saved={data} />}
    </section>
  );
}
