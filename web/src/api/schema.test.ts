import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';

const check = () => execFileSync('npm', ['run', '--silent', 'types', '--', '--check'], { stdio: 'pipe' });

it('is what openapi.json says; "npm run types" puts it right', { timeout: 60_000 }, () => {
  expect(check).not.toThrow();
});
