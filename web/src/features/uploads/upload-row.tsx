import { StatusIndicator, type StatusIndicatorProps } from '@cloudscape-design/components';
import { Link } from 'react-router';
import { formatBytes } from '@/lib/format';
import { uploadsTexts } from '@/texts';
import { LinkButton } from '@/ui/link-button';
import { isRetryable, type UploadItem, type UploadState } from '@/uploader/model';
import { useUploads } from '@/uploader/uploads-context';

const indicators: Record<UploadState, StatusIndicatorProps.Type> = {
  queued: 'pending',
  hashing: 'in-progress',
  waiting: 'pending',
  uploading: 'in-progress',
  stored: 'success',
  labelled: 'success',
  duplicate: 'info',
  rejected: 'error',
  failed: 'error',
  cancelled: 'stopped',
};

function stateText(item: UploadItem): string {
  const text = uploadsTexts.states[item.state];
  if (item.state === 'uploading' && item.size > 0) return `${text} ${Math.floor((100 * item.sent) / item.size)} %`;
  return text;
}

function reasonText({ reason }: UploadItem): string {
  return reason ? (uploadsTexts.reasons[reason.code] ?? reason.detail) : '';
}

interface Props {
  item: UploadItem;
  top: number;
  position: number;
  total: number;
}

export function UploadRow({ item, top, position, total }: Props) {
  const { queue } = useUploads();
  const folder = item.path.slice(0, -item.name.length);
  const there = item.photoId !== undefined && ['stored', 'labelled', 'duplicate'].includes(item.state);
  return (
    <li
      className="upload-row"
      style={{ transform: `translateY(${top}px)` }}
      aria-posinset={position}
      aria-setsize={total}
      data-state={item.state}
    >
      <div className="upload-name">
        <span>
          <span className="soft">{folder}</span>
          {item.name}
        </span>
        {item.reason && <span className="bad">{reasonText(item)}</span>}
      </div>
      <span className="soft upload-size">{formatBytes(item.size)}</span>
      <StatusIndicator type={indicators[item.state]}>{stateText(item)}</StatusIndicator>
      <span className="upload-action">
        {there && <Link to={`/photos/${encodeURIComponent(item.photoId ?? '')}`}>{uploadsTexts.open}</Link>}
        {isRetryable(item) && <LinkButton onClick={() => queue.retry([item])}>{uploadsTexts.retry}</LinkButton>}
      </span>
    </li>
  );
}
