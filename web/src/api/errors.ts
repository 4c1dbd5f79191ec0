/** What the server said went wrong: RFC 9457, with a stable `code`. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, detail: string) {
    super(detail);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
  }

  /** True when the same call may succeed later: no answer, too many, or a fault of the server's. */
  get worthRetrying(): boolean {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

function text(value: unknown, otherwise: string): string {
  return typeof value === 'string' && value !== '' ? value : otherwise;
}

/** Reads a problem document; anything else still becomes an error with a code. */
export function problemToError(status: number, body: unknown): ApiError {
  const problem = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  return new ApiError(
    status,
    text(problem.code, `http_${status}`),
    text(problem.detail, text(problem.title, `HTTP ${status}`)),
  );
}

export const unreachable = () => new ApiError(0, 'unreachable', 'The server cannot be reached.');

export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 404 || error.status === 410);
}
