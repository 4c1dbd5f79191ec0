import { problemToError, unreachable } from '@/api/errors';
import type { PutAnswer, PutOptions, Ticket } from './model';

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Sends one file. XMLHttpRequest, because fetch tells nothing of an upload's progress. */
export function putWithXhr(ticket: Ticket, file: File, { signal, onProgress }: PutOptions): Promise<PutAnswer> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(ticket.method, ticket.url);
    for (const [name, value] of Object.entries(ticket.headers)) {
      // The browser sets this one itself, from the file, and complains about ours.
      if (name.toLowerCase() !== 'content-length') request.setRequestHeader(name, value);
    }
    request.upload.onprogress = ({ loaded }) => onProgress(loaded);
    request.onload = () => {
      const body = parse(request.responseText);
      const good = request.status >= 200 && request.status < 300;
      if (good) resolve(body ?? {});
      else reject(problemToError(request.status, body));
    };
    request.onerror = () => reject(unreachable());
    request.onabort = () => reject(new DOMException('Aborted', 'AbortError'));
    signal.addEventListener('abort', () => request.abort());
    request.send(file);
  });
}
