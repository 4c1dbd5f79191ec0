import type { Config } from '@/api/types';
import { formatBytes } from '@/lib/format';
import { firstRun } from '@/texts';

const names: Record<string, string> = {
  'image/jpeg': 'JPEG',
  'image/png': 'PNG',
  'image/webp': 'WebP',
  'image/heic': 'HEIC',
  'image/heif': 'HEIF',
};

export function formatsInWords(config: Config): string {
  const formats = config.formats.map((type) => names[type] ?? type).join(', ');
  return firstRun.formats(formats, formatBytes(Math.floor(config.limits.max_photo_bytes / 1e6) * 1e6));
}

// HEIC has no type in some browsers, so the extensions are named too.
export const acceptAttribute = (config: Config) => [...config.formats, '.heic', '.heif', '.hif'].join(',');
