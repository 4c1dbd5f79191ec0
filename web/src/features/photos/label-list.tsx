import { Button } from '@cloudscape-design/components';
import type { PhotoLabel } from '@/api/types';
import { viewerTexts } from '@/texts';

interface Props {
  labels: readonly PhotoLabel[];
  onRemove: (label: string) => void;
}

function origin({ source, model }: PhotoLabel): string {
  if (source === 'user') return viewerTexts.you;
  return model ? viewerTexts.machine(model) : viewerTexts.anyMachine;
}

function details(label: PhotoLabel): string {
  const sure = label.source === 'machine' ? viewerTexts.confidence(label.confidence) : '';
  const kind = label.parents.length > 0 ? viewerTexts.parents(label.parents.join(', ')) : '';
  return [sure, origin(label), kind].filter((part) => part !== '').join(' · ');
}

/** Each label with how sure the machine is, and who said so. */
export function LabelList({ labels, onRemove }: Props) {
  return (
    <ul className="label-list">
      {labels.map((label) => (
        <li key={label.name}>
          <div>
            <strong>{label.name}</strong>
            <span className="soft">{details(label)}</span>
            <div className="meter" aria-hidden="true">
              <div style={{ transform: `scaleX(${label.source === 'user' ? 1 : label.confidence / 100})` }} />
            </div>
          </div>
          <Button
            variant="icon"
            iconName="close"
            ariaLabel={viewerTexts.remove(label.name)}
            onClick={() => onRemove(label.name)}
          />
        </li>
      ))}
    </ul>
  );
}
