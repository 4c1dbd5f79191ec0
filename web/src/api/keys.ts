/** Every key of the query cache, so that the live updates can say what has become old. */
export const keys = {
  config: ['config'] as const,
  session: ['session'] as const,
  status: ['status'] as const,
  labels: ['labels'] as const,
  photos: ['photos'] as const,
  layout: (query: object) => ['photos', 'layout', query] as const,
  sample: (query: object) => ['photos', 'sample', query] as const,
  photo: (id: string) => ['photos', 'one', id] as const,
  preview: (query: object) => ['photos', 'preview', query] as const,
  bundles: ['bundles'] as const,
  import: (id: string) => ['imports', id] as const,
  tokens: ['tokens'] as const,
  notifications: ['notifications'] as const,
};
