declare global {
  /** Answers that src/early.ts has asked for, by address. */
  var imgtagEarly: Map<string, Promise<Response>> | undefined;
}

/** Hands out, once, an answer that was asked for before this script was here. */
export function takeEarly(request: Request): Promise<Response> | undefined {
  const answer = request.method === 'GET' ? globalThis.imgtagEarly?.get(request.url) : undefined;
  if (answer) globalThis.imgtagEarly?.delete(request.url);
  return answer;
}

export function wasAskedEarly(address: string): boolean {
  return globalThis.imgtagEarly?.has(new URL(address, globalThis.location.origin).href) ?? false;
}
