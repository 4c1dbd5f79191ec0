import { useConfig } from '@/api/session';
import { firstRun } from '@/texts';
import { ChooseButton } from './choose-files';
import { acceptAttribute, formatsInWords } from './formats';
import { useTouch } from './use-media';
import { BundlesIcon, LabelsIcon, UploadsIcon } from './icons';

const icons = [<UploadsIcon key="0" />, <LabelsIcon key="1" />, <BundlesIcon key="2" />];

/** What a library without photos shows: what to do now, and what comes of it. */
export function FirstRun() {
  const { data: config } = useConfig();
  const touch = useTouch();
  if (!config) return null;
  const accept = acceptAttribute(config);
  return (
    <section className="first-run appear">
      <h1>{firstRun.title}</h1>
      <p className="first-run-detail soft">{firstRun.detail}</p>
      <div className="first-run-drop">
        <div className="row">
          <ChooseButton text={firstRun.choose} accept={accept} folder={false} primary />
          <ChooseButton text={firstRun.folder} accept={accept} folder />
        </div>
        {!touch && <p>{firstRun.drop}</p>}
        <p className="soft">{formatsInWords(config)}</p>
      </div>
      <ol className="first-run-steps">
        {firstRun.steps.map(([title, detail], n) => (
          <li key={title}>
            {icons[n]}
            <div>
              <h2>{title}</h2>
              <p className="soft">{detail}</p>
            </div>
          </li>
        ))}
      </ol>
    </section>
  );
}
