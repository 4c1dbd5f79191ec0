import createClient from 'openapi-fetch';
import { Emitter } from '@/lib/emitter';
import { takeEarly } from './early';
import { problemToError, unreachable } from './errors';
import type { paths } from './schema';

/** Fires when the server no longer knows who we are. */
export const signedOut = new Emitter<void>();

type QueryValue = string | number | boolean | readonly string[] | null | undefined;

/** Repeats list parameters. One value with a comma is sent twice, since a single one would be split there. */
export function serializeQuery(query: Record<string, unknown>): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query) as [string, QueryValue][]) {
    if (value === undefined || value === null) continue;
    const values = typeof value === 'object' ? value : [String(value)];
    const ambiguous = values.length === 1 && typeof value === 'object' && values[0]?.includes(',');
    for (const one of ambiguous ? [...values, ...values] : values) params.append(name, one);
  }
  return params.toString();
}

async function send(request: Request): Promise<Response> {
  try {
    return await (takeEarly(request) ?? globalThis.fetch(request));
  } catch (error) {
    if (request.signal.aborted) throw error;
    throw unreachable();
  }
}

export const client = createClient<paths>({
  baseUrl: globalThis.location.origin,
  fetch: send,
  querySerializer: serializeQuery,
});

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** Gives the body of a good answer, or throws an ApiError. */
export async function answer<T>(call: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await call;
  if (response.ok) return data as T;
  if (response.status === 401) signedOut.emit();
  throw problemToError(response.status, error);
}
