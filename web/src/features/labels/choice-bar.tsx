import { Button } from '@cloudscape-design/components';
import { Link } from 'react-router';
import { usePreview } from '@/api/bundles';
import { useSample } from '@/api/photos';
import { formatBytes } from '@/lib/format';
import { labelsTexts, photos } from '@/texts';
import { PillChoice } from '@/ui/pill-choice';
import { useGetBundle } from '@/ui/use-get-bundle';
import type { LabelChoice } from './use-label-choice';

const sampleSize = 6;

function Chosen({ choice }: { choice: LabelChoice }) {
  return (
    <ul className="chosen">
      {choice.ticked.map((name) => (
        <li key={name} className="chip">
          <span className="chip-text">{name}</span>
          <button
            type="button"
            className="plain-button chip-drop"
            aria-label={labelsTexts.untick(name)}
            onClick={() => choice.toggle(name)}
          >
            ×
          </button>
        </li>
      ))}
    </ul>
  );
}

function ModeSwitch({ choice }: { choice: LabelChoice }) {
  if (choice.ticked.length < 2) return null;
  return (
    <PillChoice
      label={labelsTexts.match}
      value={choice.mode}
      options={[
        { id: 'any', text: labelsTexts.any },
        { id: 'all', text: labelsTexts.all },
      ]}
      onChange={choice.setMode}
    />
  );
}

function Sample({ choice }: { choice: LabelChoice }) {
  const { data = [] } = useSample(choice.query, sampleSize, true);
  return (
    <div className="sample" aria-hidden="true">
      {data.map(({ id, thumbnail_url }) => thumbnail_url && <img key={id} src={thumbnail_url} alt="" />)}
    </div>
  );
}

/** What the ticks amount to, exactly, and the one button. */
export function ChoiceBar({ choice }: { choice: LabelChoice }) {
  const preview = usePreview(choice.query, true);
  const { get, busy } = useGetBundle();
  const count = preview.data?.photos;
  const current = preview.data && !preview.isPlaceholderData;
  return (
    <section className="choice-bar appear" aria-label={labelsTexts.chosen}>
      <div className="choice-what">
        <Chosen choice={choice} />
        <ModeSwitch choice={choice} />
      </div>
      <Sample choice={choice} />
      <div className="choice-go">
        <p className="choice-sum" role="status">
          {preview.error && <span className="bad">{preview.error.message}</span>}
          {!preview.error && !preview.data && labelsTexts.counting}
          {preview.data && count === 0 && labelsTexts.nothing}
          {preview.data && count !== 0 && (
            <>
              <strong>{photos(preview.data.photos)}</strong>
              <span>{formatBytes(preview.data.bytes)}</span>
            </>
          )}
        </p>
        <div className="row">
          <Link to={choice.photosAddress}>{labelsTexts.seeAll}</Link>
          <Button variant="primary" disabled={!current || count === 0} loading={busy} onClick={() => get(choice.query)}>
            {labelsTexts.get}
          </Button>
        </div>
      </div>
      <div className="choice-clear">
        <Button variant="icon" iconName="close" ariaLabel={labelsTexts.clear} onClick={choice.clear} />
      </div>
    </section>
  );
}
