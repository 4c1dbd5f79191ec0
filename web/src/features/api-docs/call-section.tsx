import type { Operation, Schema } from '@/api/openapi-document';
import { apiDocsTexts } from '@/texts';
import type { Call } from './operations';
import { Field, TypeName } from './shape';

function firstSchema(content: Record<string, { schema?: Schema }> | undefined): [string, Schema | undefined] | null {
  const [type, media] = Object.entries(content ?? {})[0] ?? [];
  return type === undefined ? null : [type, media?.schema];
}

function Parameters({ operation }: { operation: Operation }) {
  if (!operation.parameters?.length) return null;
  return (
    <>
      <h4>{apiDocsTexts.parameters}</h4>
      <table>
        <tbody>
          {operation.parameters.map(({ name, schema = {}, required = false, description }) => (
            <Field key={name} name={name} schema={schema} required={required} description={description} />
          ))}
        </tbody>
      </table>
    </>
  );
}

const isError = ([status]: [string, unknown]) => status >= '400';

/** The answers that one hopes for, each with its shape, then the errors, which all have the same. */
function Answers({ operation }: { operation: Operation }) {
  const answers = Object.entries(operation.responses ?? {});
  const errors = answers.filter(isError).map(([status, { description = '' }]) => `${status} ${description}`);
  return (
    <>
      <h4>{apiDocsTexts.answers}</h4>
      <table>
        <tbody>
          {answers
            .filter((answer) => !isError(answer))
            .map(([status, { description, content }]) => {
              const [type, schema] = firstSchema(content) ?? [];
              return (
                <tr key={status}>
                  <th scope="row">
                    <code>{status}</code>
                  </th>
                  <td>
                    {schema && Object.keys(schema).length > 0 ? <TypeName schema={schema} /> : type} {description}
                  </td>
                </tr>
              );
            })}
        </tbody>
      </table>
      {errors.length > 0 && (
        <p className="soft">
          {apiDocsTexts.errors} {errors.join(', ')}
        </p>
      )}
    </>
  );
}

export function CallSection({ call: { id, method, path, operation } }: { call: Call }) {
  const [, body] = firstSchema(operation.requestBody?.content) ?? [];
  return (
    <section id={id} className="call">
      <h3>
        <span className={`method method-${method.toLowerCase()}`}>{method}</span> <code>{path}</code>
      </h3>
      <p>{operation.summary}</p>
      {operation.description && <p className="soft">{operation.description}</p>}
      <Parameters operation={operation} />
      {body && (
        <>
          <h4>{apiDocsTexts.body}</h4>
          <p>
            <TypeName schema={body} />
          </p>
        </>
      )}
      <Answers operation={operation} />
    </section>
  );
}
