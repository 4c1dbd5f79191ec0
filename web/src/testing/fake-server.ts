import type { Bundle, Config, Photo } from '@/api/types';

type Reply = { status?: number; body?: unknown };
type Handler = (request: { body: unknown; url: URL }) => Reply | Promise<Reply>;

/** Answers `fetch` from a table of "METHOD /path", and remembers what was asked. */
export class FakeServer {
  readonly asked: { call: string; body: unknown; search: string; headers: Headers }[] = [];
  readonly #handlers = new Map<string, Handler>();

  on(call: string, handler: Handler | Reply): this {
    this.#handlers.set(call, typeof handler === 'function' ? handler : () => handler);
    return this;
  }

  install(): void {
    globalThis.fetch = async (input) => {
      const request = input as Request;
      const url = new URL(request.url);
      const call = `${request.method} ${url.pathname}`;
      const text = await request.text();
      const body: unknown = text === '' ? null : JSON.parse(text);
      this.asked.push({ call, body, search: url.search, headers: request.headers });
      const handler = this.#handlers.get(call);
      const { status = 200, body: answer } = handler ? await handler({ body, url }) : missing(call);
      return new Response(answer === undefined ? null : JSON.stringify(answer), {
        status,
        headers: { 'Content-Type': 'application/json' },
      });
    };
  }
}

const missing = (call: string): Reply => ({ status: 404, body: { code: 'not_found', detail: `no ${call} here` } });

export const aConfig: Config = {
  version: '0.1.0',
  auth: { mode: 'none', setup_due: false, login_url: null, logout_url: null },
  limits: { max_photo_bytes: 67_108_864, max_batch: 500, max_name: 255 },
  formats: ['image/jpeg', 'image/png', 'image/webp', 'image/heic', 'image/heif'],
  features: { imports: false, notifications: false },
};

export const aStatus = {
  photos: { total: 2, awaiting: 0, stored: 0, labelled: 2, failed: 0, trashed: 0 },
  version: '0.1.0',
  backends: {},
};

export const aPhoto: Photo = {
  id: 'p1',
  file_name: 'lake.jpg',
  content_type: 'image/jpeg',
  size: 1_200_000,
  sha256: 'ab'.repeat(32),
  width: 3000,
  height: 2000,
  taken_at: '2026-05-03T10:00:00Z',
  created_at: '2026-06-01T10:00:00Z',
  state: 'labelled',
  labels: [{ name: 'Lake', confidence: 96.4, source: 'machine', model: 'squeezenet', parents: ['Nature'] }],
  thumbnail_url: '/api/photos/p1/thumbnail',
  trashed_at: null,
};

export const aBundle: Bundle = {
  id: 'b1',
  name: 'Lake',
  query: { all: [], any: ['Lake'], none: [], unlabelled: false, state: null, q: '', photo_ids: [] },
  sidecars: false,
  state: 'ready',
  photos: 2,
  bytes: 2_400_000,
  progress: { photos: 2, bytes: 2_400_000 },
  created_at: '2026-06-01T10:00:00Z',
  ready_at: '2026-06-01T10:00:05Z',
  expires_at: '2026-06-02T10:00:05Z',
  link: '/b/abc',
};
