const key = 'imgtag-unfinished-uploads';

/** Remembers in this tab how many files were still to go, in case the page is reloaded. */
export const interrupted = {
  remember: (count: number): void => {
    if (count === 0) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, String(count));
  },
  read: (): number => {
    const count = Number(sessionStorage.getItem(key));
    return Number.isSafeInteger(count) && count > 0 ? count : 0;
  },
};
