import { useStatus } from '@/api/account';
import { usePreview } from '@/api/bundles';
import { useConfig } from '@/api/session';
import { formatBytes, formatNumber } from '@/lib/format';
import { settingsTexts } from '@/texts';

const shown = ['total', 'labelled', 'stored', 'failed', 'trashed'] as const;

function Storage() {
  const { data: status } = useStatus();
  const { data: everything } = usePreview({}, true);
  return (
    <dl className="figures">
      {status &&
        shown.map((state) => (
          <div key={state}>
            <dt>{settingsTexts.status[state]}</dt>
            <dd>{formatNumber(status.photos[state])}</dd>
          </div>
        ))}
      {everything && (
        <div>
          <dt>{settingsTexts.size}</dt>
          <dd>{formatBytes(everything.bytes)}</dd>
        </div>
      )}
    </dl>
  );
}

export function AboutPanel() {
  const { data: config } = useConfig();
  return (
    <>
      <section className="card stack">
        <h2>{settingsTexts.storage}</h2>
        <Storage />
      </section>
      <section className="card stack">
        <h2>{settingsTexts.about}</h2>
        {config && <p>{settingsTexts.version(config.version)}</p>}
        <a href="/api/docs">{settingsTexts.api}</a>
      </section>
    </>
  );
}
