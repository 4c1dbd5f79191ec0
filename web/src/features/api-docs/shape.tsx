import type { Schema } from '@/api/openapi-document';
import { apiDocsTexts } from '@/texts';
import { refName, schemaInWords } from './schema-words';

/** The type of a value, as a link where it is one of the named shapes. */
export function TypeName({ schema }: { schema: Schema }) {
  const named = schema.$ref ?? (schema.items ? schema.items.$ref : undefined);
  const words = schemaInWords(schema);
  return named ? <a href={`#shape-${refName(named)}`}>{words}</a> : <span>{words}</span>;
}

interface FieldProps {
  name: string;
  schema: Schema;
  required: boolean;
  description?: string;
}

export function Field({ name, schema, required, description = schema.description }: FieldProps) {
  return (
    <tr>
      <th scope="row">
        <code>{name}</code>
      </th>
      <td>
        <TypeName schema={schema} />
        {!required && <span className="soft"> {apiDocsTexts.optional}</span>}
        {description && <p className="soft">{description}</p>}
      </td>
    </tr>
  );
}

export function Shape({ name, schema }: { name: string; schema: Schema }) {
  const fields = Object.entries(schema.properties ?? {});
  return (
    <section id={`shape-${name}`} className="call">
      <h3>{name}</h3>
      {schema.description && <p className="soft">{schema.description}</p>}
      {fields.length === 0 && <p>{schemaInWords(schema)}</p>}
      <table>
        <tbody>
          {fields.map(([field, inner]) => (
            <Field key={field} name={field} schema={inner} required={schema.required?.includes(field) ?? false} />
          ))}
        </tbody>
      </table>
    </section>
  );
}
