import type { ReactNode } from 'react';

function Drawn({ children }: { children: ReactNode }) {
  return (
    <svg
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.8"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {children}
    </svg>
  );
}

export const LogoIcon = () => (
  <svg viewBox="0 0 32 32" aria-hidden="true">
    <path
      fill="currentColor"
      d="M4 8a5 5 0 0 1 5-5h9.5a5 5 0 0 1 3.6 1.5l6 6.2a5 5 0 0 1 0 7L18.6 27.5a5 5 0 0 1-7.1 0l-6-6A5 5 0 0 1 4 18z"
    />
    <circle cx="11" cy="10" r="2.6" fill="var(--paper)" />
    <path
      fill="none"
      stroke="var(--paper)"
      strokeWidth="2.2"
      strokeLinecap="round"
      strokeLinejoin="round"
      d="m10.5 19 4.8-4.6 3.4 3.2 4-3.8"
    />
  </svg>
);

export const PhotosIcon = () => (
  <Drawn>
    <rect x="3" y="5" width="18" height="14" rx="3" />
    <circle cx="8.5" cy="10" r="1.6" />
    <path d="m4 17 5-4 3.5 2.8L16 12l5 4.5" />
  </Drawn>
);

export const LabelsIcon = () => (
  <Drawn>
    <path d="M4 12.4V6a2 2 0 0 1 2-2h6.4a2 2 0 0 1 1.4.6l6 6a2 2 0 0 1 0 2.8l-6.4 6.4a2 2 0 0 1-2.8 0l-6-6a2 2 0 0 1-.6-1.4Z" />
    <circle cx="8.8" cy="8.8" r="1.2" />
  </Drawn>
);

export const UploadsIcon = () => (
  <Drawn>
    <path d="M12 15V5m0 0L8 9m4-4 4 4M5 15v2a3 3 0 0 0 3 3h8a3 3 0 0 0 3-3v-2" />
  </Drawn>
);

export const BundlesIcon = () => (
  <Drawn>
    <path d="M4 9h16v8a3 3 0 0 1-3 3H7a3 3 0 0 1-3-3zM3 5.5A1.5 1.5 0 0 1 4.5 4h15A1.5 1.5 0 0 1 21 5.5V9H3zM12 12v5m0 0-2.2-2.2M12 17l2.2-2.2" />
  </Drawn>
);

export const CheckIcon = () => (
  <Drawn>
    <path d="m6 12.5 4 4 8-9" strokeWidth="2.6" />
  </Drawn>
);

export const BrokenIcon = () => (
  <Drawn>
    <rect x="3" y="5" width="18" height="14" rx="3" />
    <path d="m8 15 3-3 2 2 3-4" />
  </Drawn>
);

export const ArrowIcon = () => (
  <Drawn>
    <path d="M5 12h14m-5-5 5 5-5 5" />
  </Drawn>
);
