import { Emitter } from './emitter';

export const themes = ['system', 'light', 'dark'] as const;
export const densities = ['comfortable', 'compact'] as const;
export const thumbnailSizes = ['small', 'medium', 'large'] as const;

export interface Preferences {
  theme: (typeof themes)[number];
  density: (typeof densities)[number];
  thumbnails: (typeof thumbnailSizes)[number];
  sidecars: boolean;
  browserNotices: boolean;
}

const defaults: Preferences = {
  theme: 'system',
  density: 'comfortable',
  thumbnails: 'medium',
  sidecars: false,
  browserNotices: false,
};

const key = 'imgtag-preferences';

function known<T extends string>(values: readonly T[], value: unknown, otherwise: T): T {
  return values.find((one) => one === value) ?? otherwise;
}

/** Reads what was kept, ignoring anything that an older or broken page left there. */
export function parsePreferences(text: string | null): Preferences {
  let kept: Partial<Record<keyof Preferences, unknown>> = {};
  try {
    kept = (JSON.parse(text ?? '{}') as typeof kept | null) ?? {};
  } catch {
    return defaults;
  }
  return {
    theme: known(themes, kept.theme, defaults.theme),
    density: known(densities, kept.density, defaults.density),
    thumbnails: known(thumbnailSizes, kept.thumbnails, defaults.thumbnails),
    sidecars: kept.sidecars === true,
    browserNotices: kept.browserNotices === true,
  };
}

/** What this browser remembers for its user; other tabs follow. */
class PreferenceStore {
  readonly #changed = new Emitter<void>();
  #current: Preferences | null = null;

  get = (): Preferences => (this.#current ??= parsePreferences(localStorage.getItem(key)));

  set(change: Partial<Preferences>): void {
    this.#current = { ...this.get(), ...change };
    localStorage.setItem(key, JSON.stringify(this.#current));
    this.#changed.emit();
  }

  subscribe = (listener: () => void): (() => void) => {
    const onStorage = () => {
      this.#current = null;
      listener();
    };
    window.addEventListener('storage', onStorage);
    const unsubscribe = this.#changed.subscribe(listener);
    return () => {
      window.removeEventListener('storage', onStorage);
      unsubscribe();
    };
  };
}

export const preferences = new PreferenceStore();
