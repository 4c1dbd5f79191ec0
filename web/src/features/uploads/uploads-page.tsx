import { Alert } from '@cloudscape-design/components';
import { useState } from 'react';
import { useConfig } from '@/api/session';
import { interrupted } from '@/lib/interrupted';
import { firstRun, uploadsTexts } from '@/texts';
import { ChooseButton } from '@/ui/choose-files';
import { acceptAttribute, formatsInWords } from '@/ui/formats';
import { UploadsIcon } from '@/ui/icons';
import { Empty } from '@/ui/states';
import { useTouch } from '@/ui/use-media';
import { useTitle } from '@/ui/use-title';
import { useUploadsView } from '@/uploader/uploads-context';
import { ImportPanel } from './import-panel';
import { UploadList } from './upload-list';
import { UploadSummary } from './upload-summary';

function Nothing() {
  const { data: config } = useConfig();
  const touch = useTouch();
  if (!config) return null;
  const accept = acceptAttribute(config);
  const choose = (
    <>
      <div className="row">
        <ChooseButton text={firstRun.choose} accept={accept} folder={false} primary />
        <ChooseButton text={firstRun.folder} accept={accept} folder />
      </div>
      <p className="soft">{formatsInWords(config)}</p>
    </>
  );
  const detail = touch ? uploadsTexts.emptyDetailTouch : uploadsTexts.emptyDetail;
  return <Empty icon={<UploadsIcon />} title={uploadsTexts.empty} detail={detail} action={choose} />;
}

/** What was on its way when the page was reloaded; read once, before the new queue overwrites it. */
function useInterrupted(): number {
  const [count] = useState(interrupted.read);
  return count;
}

export function UploadsPage() {
  useTitle(uploadsTexts.title);
  const { data: config } = useConfig();
  const view = useUploadsView();
  const lost = useInterrupted();
  const empty = view.items.length === 0;
  return (
    <div className="page">
      <h1>{uploadsTexts.title}</h1>
      {empty && lost > 0 && (
        <Alert type="info" header={uploadsTexts.interrupted(lost)}>
          {uploadsTexts.interruptedDetail}
        </Alert>
      )}
      {empty ? (
        <Nothing />
      ) : (
        <>
          <UploadSummary view={view} />
          <UploadList items={view.items} />
        </>
      )}
      {config?.features.imports && <ImportPanel />}
    </div>
  );
}
