import type { ReactNode } from 'react';
import { shell } from '@/texts';
import { LogoIcon } from '@/ui/icons';

/** The frame around signing in. */
export function Door({ form }: { form: ReactNode }) {
  return (
    <main className="door">
      <div className="brand">
        <LogoIcon />
        {shell.name}
      </div>
      <div className="card door-card">{form}</div>
    </main>
  );
}
