import { useConfig } from '@/api/session';
import { settingsTexts } from '@/texts';
import { useTitle } from '@/ui/use-title';
import { AboutPanel } from './about-panel';
import { AppearancePanel } from './appearance-panel';
import { NotificationsPanel } from './notifications-panel';
import { TokensPanel } from './tokens-panel';

export function SettingsPage() {
  useTitle(settingsTexts.title);
  const { data: config } = useConfig();
  return (
    <div className="page narrow">
      <h1>{settingsTexts.title}</h1>
      <AppearancePanel />
      <NotificationsPanel byServer={config?.features.notifications ?? false} />
      {config && config.auth.mode !== 'none' && <TokensPanel />}
      <AboutPanel />
    </div>
  );
}
