import { Alert, Button, ExpandableSection, FormField, Input } from '@cloudscape-design/components';
import { type SyntheticEvent, useState } from 'react';
import { useImport, useStartImport } from '@/api/account';
import { uploadsTexts } from '@/texts';

function Progress({ id }: { id: string }) {
  const { data } = useImport(id);
  if (!data) return null;
  return (
    <div className="stack" role="status">
      <p>
        {data.state}: {uploadsTexts.importProgress(data.progress.photos)}
      </p>
      {data.failure && <p className="bad">{data.failure.detail}</p>}
      {data.skipped.length > 0 && (
        <ExpandableSection headerText={uploadsTexts.importSkipped(data.skipped.length)}>
          <ul>
            {data.skipped.map(({ name, detail }) => (
              <li key={name}>
                {name}: {detail}
              </li>
            ))}
          </ul>
        </ExpandableSection>
      )}
    </div>
  );
}

/** Copies photos in from a folder or bucket of the server's. Shown only where the server allows any. */
export function ImportPanel() {
  const start = useStartImport();
  const [source, setSource] = useState('');
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    start.mutate(source.trim());
  };
  return (
    <section className="card">
      <ExpandableSection headerText={uploadsTexts.importTitle}>
        <form className="stack narrow" onSubmit={submit}>
          <p className="soft">{uploadsTexts.importDetail}</p>
          {start.error && (
            <Alert type="error" header={uploadsTexts.importFailed}>
              {start.error.message}
            </Alert>
          )}
          <FormField label={uploadsTexts.importSource} stretch>
            <Input
              value={source}
              placeholder={uploadsTexts.importPlaceholder}
              onChange={({ detail }) => setSource(detail.value)}
            />
          </FormField>
          <div>
            <Button formAction="submit" disabled={source.trim() === ''} loading={start.isPending}>
              {uploadsTexts.importStart}
            </Button>
          </div>
        </form>
        {start.data && <Progress id={start.data.id} />}
      </ExpandableSection>
    </section>
  );
}
