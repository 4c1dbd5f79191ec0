import { Button, FormField, Input, Toggle } from '@cloudscape-design/components';
import { type SyntheticEvent, useState } from 'react';
import { useNotifications, useSaveNotifications } from '@/api/account';
import type { Notifications } from '@/api/types';
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

function Addresses({ saved }: { saved: Notifications }) {
  const save = useSaveNotifications();
  const notify = useNotify();
  const [email, setEmail] = useState(saved.email ?? '');
  const [sms, setSms] = useState(saved.sms ?? '');
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    save.mutate(
      { email: email.trim() || undefined, sms: sms.trim() || undefined },
      {
        onSuccess: () => notify({ type: 'success', text: settingsTexts.saved }),
        onError: (error) => notify({ type: 'error', header: settingsTexts.saveFailed, text: error.message }),
      },
    );
  };
  return (
    <form className="stack" onSubmit={submit}>
      <FormField label={settingsTexts.email} description={settingsTexts.emailHint}>
        <Input type="email" value={email} onChange={({ detail }) => setEmail(detail.value)} autoComplete="email" />
      </FormField>
      <FormField label={settingsTexts.sms} description={settingsTexts.smsHint}>
        <Input value={sms} onChange={({ detail }) => setSms(detail.value)} autoComplete="tel" />
      </FormField>
      <div>
        <Button formAction="submit" loading={save.isPending}>
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
