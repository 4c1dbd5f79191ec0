import { Alert, Button } from '@cloudscape-design/components';
import type { ReactNode } from 'react';
import { shell } from '@/texts';

export function Loading() {
  return (
    <div className="state" role="status">
      <span className="spinner" />
      <span className="hidden-visually">{shell.loading}</span>
    </div>
  );
}

interface FailedProps {
  title: string;
  error: unknown;
  onRetry?: () => void;
}

export function Failed({ title, error, onRetry }: FailedProps) {
  const action = onRetry && <Button onClick={onRetry}>{shell.retry}</Button>;
  return (
    <Alert type="error" header={title} action={action}>
      {error instanceof Error ? error.message : String(error)}
    </Alert>
  );
}

interface EmptyProps {
  icon: ReactNode;
  title: string;
  detail: ReactNode;
  action?: ReactNode;
  /** True where nothing else on the page is its heading. */
  alone?: boolean;
}

export function Empty({ icon, title, detail, action, alone = false }: EmptyProps) {
  return (
    <div className="state appear">
      <div className="state-icon">{icon}</div>
      {alone ? <h1 className="state-title">{title}</h1> : <h2>{title}</h2>}
      <p className="soft">{detail}</p>
      {action}
    </div>
  );
}
