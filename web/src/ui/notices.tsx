import { Button, Flashbar, type FlashbarProps } from '@cloudscape-design/components';
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from 'react';
import { shell } from '@/texts';

export interface Notice {
  /** A notice with a known id replaces the one before it. */
  id?: string;
  type: 'success' | 'info' | 'error' | 'warning' | 'in-progress';
  header?: string;
  text?: ReactNode;
  action?: { text: string; onClick: () => void };
  /** Stays until dismissed. Errors always do. */
  lasting?: boolean;
}

type Kept = Notice & { id: string };
type Notify = (notice: Notice) => void;

const NotifyContext = createContext<Notify | null>(null);
const shownMilliseconds = 8000;
let nextId = 0;

export function useNotify(): Notify {
  const notify = useContext(NotifyContext);
  if (notify === null) throw new Error('useNotify needs a NoticesProvider above it');
  return notify;
}

function toItem(notice: Kept, dismiss: (id: string) => void): FlashbarProps.MessageDefinition {
  const { id, action } = notice;
  const act = () => {
    dismiss(id);
    action?.onClick();
  };
  return {
    id,
    type: notice.type === 'in-progress' ? 'info' : notice.type,
    loading: notice.type === 'in-progress',
    header: notice.header,
    content: notice.text,
    action: action && <Button onClick={act}>{action.text}</Button>,
    dismissible: true,
    dismissLabel: shell.dismiss,
    onDismiss: () => dismiss(id),
  };
}

function isPassing(notice: Kept): boolean {
  return !notice.lasting && notice.type !== 'error' && notice.type !== 'in-progress';
}

export function NoticesProvider({ children }: { children: ReactNode }) {
  const [notices, setNotices] = useState<Kept[]>([]);
  const notify = useCallback<Notify>((notice) => {
    const kept = { ...notice, id: notice.id ?? `notice-${nextId++}` };
    setNotices((before) => [kept, ...before.filter(({ id }) => id !== kept.id)].slice(0, 5));
  }, []);
  const dismiss = useCallback((id: string) => setNotices((before) => before.filter((notice) => notice.id !== id)), []);
  const items = useMemo(() => notices.map((notice) => toItem(notice, dismiss)), [notices, dismiss]);
  return (
    <NotifyContext value={notify}>
      {children}
      <div className="notices" role="region" aria-label={shell.notices}>
        <Flashbar items={items} stackItems={items.length > 2} />
      </div>
      {notices.filter(isPassing).map((notice) => (
        <Fader key={notice.id} notice={notice} onDone={dismiss} />
      ))}
    </NotifyContext>
  );
}

function Fader({ notice, onDone }: { notice: Kept; onDone: (id: string) => void }) {
  useEffect(() => {
    const timer = window.setTimeout(() => onDone(notice.id), shownMilliseconds);
    return () => window.clearTimeout(timer);
  }, [notice, onDone]);
  return null;
}
