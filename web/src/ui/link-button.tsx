import type { ReactNode } from 'react';

/** A lesser action among others, in the colour of links. Cloudscape's would be in that of its buttons. */
export function LinkButton({ children, onClick }: { children: ReactNode; onClick: () => void }) {
  return (
    <button type="button" className="plain-button link-button" onClick={onClick}>
      {children}
    </button>
  );
}
