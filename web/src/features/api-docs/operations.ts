import type { OpenApiDocument, Operation } from '@/api/openapi-document';

export interface Call {
  id: string;
  method: string;
  path: string;
  operation: Operation;
}

const methods = ['get', 'head', 'post', 'put', 'patch', 'delete'];

/** Every call of the document, by its first tag, in the document's order. */
export function callsByTag(document: OpenApiDocument, find: string): Map<string, Call[]> {
  const groups = new Map<string, Call[]>();
  const wanted = find.trim().toLowerCase();
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const method of methods) {
      const operation = operations[method];
      if (!operation) continue;
      const text = `${method} ${path} ${operation.summary ?? ''}`.toLowerCase();
      if (!text.includes(wanted)) continue;
      const tag = operation.tags?.[0] ?? '';
      const call = { id: `${method}${path}`.replace(/[^a-z]+/gi, '-'), method: method.toUpperCase(), path, operation };
      groups.set(tag, [...(groups.get(tag) ?? []), call]);
    }
  }
  return groups;
}
