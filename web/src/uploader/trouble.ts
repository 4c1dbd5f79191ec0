import { ApiError } from '@/api/errors';
import type { Upload } from '@/api/types';
import type { UploadItem } from './model';

export const maxAttempts = 4;

/** Seconds double with each attempt: 1, 2, 4. */
export const backoffMilliseconds = (attempt: number) => 1000 * 2 ** (attempt - 1);

type Reason = NonNullable<UploadItem['reason']>;

export const reasons = {
  unreadableFile: { code: 'unreadable_file', detail: 'The file could not be read. Was it moved?' },
  unreadablePhoto: { code: 'unreadable_photo', detail: 'The server could not read this photo.' },
  noTicket: { code: 'no_ticket', detail: 'The server gave no answer for this file.' },
} satisfies Record<string, Reason>;

export interface Trouble {
  signedOut: boolean;
  /** Worth another ticket: the fault may pass, or the ticket had run out or was used. */
  again: boolean;
  /** Worth some patience before that. */
  wait: boolean;
  reason: Reason;
}

const newTicketHelps = new Set([401, 403, 404, 409, 410]);

export function judge(error: unknown): Trouble {
  const problem = error instanceof ApiError ? error : new ApiError(0, 'unknown', String(error));
  return {
    signedOut: problem.status === 401,
    again: problem.worthRetrying || newTicketHelps.has(problem.status),
    wait: problem.worthRetrying,
    reason: { code: problem.code, detail: problem.message },
  };
}

/** Why the server would not take a file, in its own words where it gave any. */
export function refusalOf(upload: Upload | undefined): Reason {
  return { code: upload?.code ?? reasons.noTicket.code, detail: upload?.detail ?? reasons.noTicket.detail };
}
