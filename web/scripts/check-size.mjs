// Fails the build when what a first visit must load outgrows its budget (kB gz, 1 kB = 1000 bytes).
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';

const dist = process.env.IMGTAG_WEB_OUT ?? '../imgtag/_web';
const budgets = { js: 300, css: 90 };

function linked(html) {
  const urls = [...html.matchAll(/(?:src|href)="\/(assets\/[^"]+\.(js|css))"/g)];
  return urls.map(([, file, kind]) => ({ file, kind }));
}

function gzipKilobytes(file) {
  return statSync(path.join(dist, `${file}.gz`)).size / 1000;
}

const files = linked(readFileSync(path.join(dist, 'index.html'), 'utf8'));
let failed = false;
for (const [kind, budget] of Object.entries(budgets)) {
  const size = files.filter((f) => f.kind === kind).reduce((sum, f) => sum + gzipKilobytes(f.file), 0);
  const over = size > budget || size === 0;
  failed ||= over;
  console.log(`linked ${kind}: ${size.toFixed(1)} kB gz of ${budget} kB${over ? '  OVER BUDGET' : ''}`);
}
process.exitCode = failed ? 1 : 0;
