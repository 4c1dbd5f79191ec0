import type { Schema } from '@/api/openapi-document';

export const refName = (ref: string) => ref.split('/').at(-1) ?? ref;

function limits(schema: Schema): string {
  const range = (low: number | undefined, high: number | undefined, unit: string) => {
    if (low === undefined && high === undefined) return '';
    return ` ${low ?? ''}..${high ?? ''}${unit}`;
  };
  return (
    range(schema.minimum, schema.maximum, '') +
    range(schema.minLength, schema.maxLength, ' characters') +
    range(schema.minItems, schema.maxItems, ' items')
  );
}

function listWords(schema: Schema): string {
  if (schema.prefixItems) return `[${schema.prefixItems.map(schemaInWords).join(', ')}]`;
  return `list of ${schema.items ? schemaInWords(schema.items) : 'anything'}`;
}

function objectWords({ additionalProperties }: Schema): string {
  return typeof additionalProperties === 'object' ? `map of ${schemaInWords(additionalProperties)}` : 'object';
}

/** The type of a value in a few words, such as "list of string" or "time or null". */
export function schemaInWords(schema: Schema): string {
  if (schema.$ref) return refName(schema.$ref);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  const options = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  if (options) return options.map(schemaInWords).join(' or ');
  if (Array.isArray(schema.type)) return schema.type.join(' or ');
  if (schema.type === 'array') return listWords(schema) + limits(schema);
  if (schema.type === 'object') return objectWords(schema);
  if (schema.format === 'date-time') return 'time';
  return (schema.type ?? 'anything') + limits(schema);
}
