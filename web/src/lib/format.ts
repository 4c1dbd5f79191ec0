const number = new Intl.NumberFormat();
const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];

export const formatNumber = (value: number) => number.format(value);

/** Bytes in powers of 1000, as file managers on every system can be compared with. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toLocaleString(undefined, { maximumFractionDigits: digits })} ${units[unit] ?? ''}`;
}

const dollars = new Intl.NumberFormat(undefined, { style: 'currency', currency: 'USD' });

export const formatDollars = (amount: number) => dollars.format(amount);

export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`;
}

/** A coarse, calm remaining time: it should not flicker. */
export function formatDuration(seconds: number): string {
  if (seconds < 60) return `${Math.max(5, Math.ceil(seconds / 5) * 5)} s`;
  if (seconds < 3600) return `${Math.ceil(seconds / 60)} min`;
  const hours = Math.floor(seconds / 3600);
  return `${hours} h ${Math.ceil((seconds % 3600) / 60)} min`;
}

const dateTime = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
const month = new Intl.DateTimeFormat(undefined, { month: 'long', year: 'numeric' });

export const formatDateTime = (iso: string) => dateTime.format(new Date(iso));
export const formatMonth = (date: Date) => month.format(date);

const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });

/** "in 23 hours", "5 minutes ago". */
export function formatRelative(iso: string, now: number): string {
  const seconds = (Date.parse(iso) - now) / 1000;
  const steps = [
    ['day', 86_400],
    ['hour', 3600],
    ['minute', 60],
  ] as const;
  for (const [unit, size] of steps) {
    if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
  }
  return relative.format(Math.trunc(seconds), 'second');
}
