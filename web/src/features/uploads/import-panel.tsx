import { Alert, Button, ExpandableSection, FormField, Input } from '@cloudscape-design/components';
import { type SyntheticEvent, useState } from 'react';
import { isUnderWay, useCancelImport, useImport, useStartImport } from '@/api/account';
import { uploadsTexts } from '@/texts';

function Progress({ id }: { id: string }) {
  const { data } = useImport(id);
  const cancel = useCancelImport();
  if (!data) return null;
  return (
    <div className="stack" role="status">
      <p>
        {uploadsTexts.importStates[data.state]}: {uploadsTexts.importProgress(data.copied, data.duplicates)}
      </p>
      {data.failure && <p className="bad">{data.failure.detail}</p>}
      {data.skipped > 0 && (
        <ExpandableSection headerText={uploadsTexts.importSkipped(data.skipped)}>
          <ul>
            {data.failures.map(({ file_name, detail }) => (
              <li key={file_name}>
                {file_name}: {detail}
              </li>
            ))}
          </ul>
        </ExpandableSection>
      )}
      {isUnderWay(data.state) && (
        <div>
          <Button
            loading={cancel.isPending}
            onClick={() => {
              cancel.mutate(id);
            }}
          >
            {uploadsTexts.importCancel}
          </Button>
        </div>
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
