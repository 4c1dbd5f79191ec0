import { useEffect } from 'react';
import { shell } from '@/texts';

/** Names the page in the browser's tab and history. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · ${shell.name}`;
  }, [title]);
}
