import { Alert, Button } from '@cloudscape-design/components';
import { Component, type ReactNode } from 'react';
import { shell } from '@/texts';

interface State {
  error: Error | null;
}

/** Keeps the frame of the page, and the upload queue, when one screen breaks. */
export class CrashGuard extends Component<{ children: ReactNode }, State> {
  override state: State = { error: null };

  static getDerivedStateFromError(error: Error): State {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === null) return this.props.children;
    const reload = <Button onClick={() => this.setState({ error: null })}>{shell.retry}</Button>;
    return (
      <Alert type="error" header={shell.broken} action={reload}>
        {error.message}
      </Alert>
    );
  }
}
