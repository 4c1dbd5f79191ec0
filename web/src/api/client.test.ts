import { describe, expect, it } from 'vitest';
import { FakeServer } from '@/testing/fake-server';
import { answer, client, serializeQuery, signedOut } from './client';
import { ApiError } from './errors';

describe('serializeQuery', () => {
  it('repeats lists and leaves out what is not set', () => {
    expect(serializeQuery({ all: ['A', 'B'], any: [], q: undefined, limit: 5 })).toBe('all=A&all=B&limit=5');
  });

  it('sends a lone label with a comma twice, so that it is not split', () => {
    expect(serializeQuery({ all: ['Lake, frozen'] })).toBe('all=Lake%2C+frozen&all=Lake%2C+frozen');
  });
});

describe('answer', () => {
  it('turns a problem document into an error with its code', async () => {
    new FakeServer().on('GET /api/status', { status: 422, body: { code: 'invalid_request', detail: 'no' } }).install();
    const error = await answer(client.GET('/api/status')).catch((problem: unknown) => problem);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 422, code: 'invalid_request', message: 'no', worthRetrying: false });
  });

  it('says that a lost connection is worth another try', async () => {
    globalThis.fetch = () => Promise.reject(new TypeError('network'));
    await expect(answer(client.GET('/api/status'))).rejects.toMatchObject({ code: 'unreachable', worthRetrying: true });
  });

  it('announces that the session is over', async () => {
    new FakeServer().on('GET /api/status', { status: 401, body: {} }).install();
    let told = 0;
    const stop = signedOut.subscribe(() => (told += 1));
    await answer(client.GET('/api/status')).catch(() => undefined);
    stop();
    expect(told).toBe(1);
  });
});
