import { useEffect, useState } from 'react';
import { loadOpenApi, type OpenApiDocument } from '@/api/openapi-document';
import { apiDocsTexts } from '@/texts';
import { CallSection } from './call-section';
import { callsByTag } from './operations';
import { Shape } from './shape';

function useDocument(): { document: OpenApiDocument | null; failed: boolean } {
  const [document, setDocument] = useState<OpenApiDocument | null>(null);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    loadOpenApi().then(setDocument, () => setFailed(true));
  }, []);
  return { document, failed };
}

function Contents({ groups }: { groups: ReturnType<typeof callsByTag> }) {
  return (
    <nav className="docs-contents" aria-label={apiDocsTexts.contents}>
      {[...groups].map(([tag, calls]) => (
        <div key={tag}>
          <h2>{tag}</h2>
          {calls.map(({ id, method, path }) => (
            <a key={id} href={`#${id}`}>
              <span className={`method method-${method.toLowerCase()}`}>{method}</span> {path.replace('/api', '')}
            </a>
          ))}
        </div>
      ))}
      <a href="#shapes">{apiDocsTexts.schemas}</a>
    </nav>
  );
}

/** A page to read the API by, made from the document that the server gives to programs. */
export function ApiDocsPage() {
  const { document, failed } = useDocument();
  const [find, setFind] = useState('');
  if (failed) return <main className="docs-main bad">{apiDocsTexts.failed}</main>;
  if (!document) return <main className="docs-main">{apiDocsTexts.loading}</main>;
  const groups = callsByTag(document, find);
  return (
    <div className="docs">
      <Contents groups={groups} />
      <main className="docs-main">
        <header className="stack">
          <a href="/">{apiDocsTexts.back}</a>
          <h1>
            {document.info.title} {apiDocsTexts.title} <small className="soft">{document.info.version}</small>
          </h1>
          <p>{document.info.description ?? apiDocsTexts.detail}</p>
          <p>
            <a href="/api/openapi.json">{apiDocsTexts.document}</a>
          </p>
          <input
            type="search"
            aria-label={apiDocsTexts.find}
            placeholder={apiDocsTexts.find}
            value={find}
            onChange={({ target }) => setFind(target.value)}
          />
        </header>
        {[...groups].map(([tag, calls]) => (
          <section key={tag}>
            <h2>{tag}</h2>
            {calls.map((call) => (
              <CallSection key={call.id} call={call} />
            ))}
          </section>
        ))}
        <section id="shapes">
          <h2>{apiDocsTexts.schemas}</h2>
          {Object.entries(document.components?.schemas ?? {}).map(([name, schema]) => (
            <Shape key={name} name={name} schema={schema} />
          ))}
        </section>
      </main>
    </div>
  );
}
