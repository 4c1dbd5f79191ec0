import { Alert, Button, ExpandableSection, FormField, Input } from '@cloudscape-design/components';
import { type SyntheticEvent, useState } from 'react';
import { isUnderWay, useCancelImport, useImport, usePreviewImport, useStartImport } from '@/api/account';
import type { ImportEstimate } from '@/api/types';
import { formatBytes, formatDollars } from '@/lib/format';
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

function inWords({ files, bytes, known, skipped, labelling, complete }: ImportEstimate): string {
  const parts = [
    uploadsTexts.importFound(files, formatBytes(bytes), complete),
    known > 0 ? uploadsTexts.importKnown(known) : '',
    skipped > 0 ? uploadsTexts.importSkipped(skipped) : '',
    labelling.dollars > 0 ? uploadsTexts.importCost(formatDollars(labelling.dollars)) : '',
  ];
  return `${parts.filter((part) => part !== '').join('; ')}.`;
}

/** Copies photos in from a folder or bucket of the server's. Shown only where the server allows any. */
export function ImportPanel() {
  const start = useStartImport();
  const preview = usePreviewImport();
  const [source, setSource] = useState('');
  const error = start.error ?? preview.error;
  // What was started stays in view, and can be cancelled there.
  const forget = () => {
    if (start.isError) start.reset();
  };
  const change = (value: string) => {
    setSource(value);
    preview.reset();
    forget();
  };
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    start.mutate(source.trim());
  };
  return (
    <section className="card">
      <ExpandableSection headerText={uploadsTexts.importTitle}>
        <form className="stack narrow" onSubmit={submit}>
          <p className="soft">{uploadsTexts.importDetail}</p>
          {error && (
            <Alert type="error" header={uploadsTexts.importFailed}>
              {error.message}
            </Alert>
          )}
          <FormField label={uploadsTexts.importSource} stretch>
            <Input
              value={source}
              placeholder={uploadsTexts.importPlaceholder}
              onChange={({ detail }) => change(detail.value)}
            />
          </FormField>
          {preview.data && <p role="status">{inWords(preview.data)}</p>}
          <div className="row">
            <Button
              formAction="none"
              disabled={source.trim() === ''}
              loading={preview.isPending}
              onClick={() => {
                forget();
                preview.mutate(source.trim());
              }}
            >
              {uploadsTexts.importPreview}
            </Button>
            <Button variant="primary" formAction="submit" disabled={source.trim() === ''} loading={start.isPending}>
              {uploadsTexts.importStart}
            </Button>
          </div>
        </form>
        {start.data && <Progress id={start.data.id} />}
      </ExpandableSection>
    </section>
  );
}
