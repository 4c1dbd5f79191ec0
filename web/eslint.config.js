import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import hooks from 'eslint-plugin-react-hooks';
import ts from 'typescript-eslint';

const shared = ['api', 'ui', 'lib', 'uploader', 'texts'];
const features = ['photos', 'labels', 'uploads', 'bundles', 'session', 'settings', 'api-docs'];

// Folders import each other as '@/folder/file', so one pattern on the specifier is the whole rule.
const climbing = { regex: '^\\.\\./', message: 'Leave a folder by its @/ name, so that the layers can be checked.' };

const layer = (files, forbidden, message) => ({
  files,
  ignores: ['**/*.test.{ts,tsx}'],
  rules: { 'no-restricted-imports': ['error', { patterns: [climbing, { regex: forbidden, message }] }] },
});

const noFetch = ['fetch', 'XMLHttpRequest', 'EventSource'].map((name) => ({
  name,
  message: 'The network belongs to src/api and src/uploader.',
}));

export default defineConfig(
  globalIgnores(['node_modules', 'src/api/schema.d.ts', 'playwright-report', 'test-results']),
  js.configs.recommended,
  ts.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: { allowDefaultProject: ['eslint.config.js', 'scripts/*.mjs'] } },
    },
  },
  {
    files: ['src/**/*.{ts,tsx}'],
    extends: [hooks.configs.flat.recommended],
    rules: {
      'max-lines': ['error', { max: 200, skipBlankLines: true }],
      'no-console': 'error',
      // Speaks of the React compiler, which is not used here.
      'react-hooks/incompatible-library': 'off',
    },
  },
  {
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { attributes: false } }],
    },
  },
  // A list of what is true may be as long as the truth.
  { files: ['**/*.test.{ts,tsx}'], rules: { 'max-lines': 'off' } },
  { files: ['src/{app,features,ui}/**'], rules: { 'no-restricted-globals': ['error', ...noFetch] } },
  layer(['src/lib/**', 'src/texts/**'], '^@/(?!lib/|texts/)', 'lib and texts stand alone.'),
  layer(['src/api/**'], '^@/(?!api/|lib/)', 'api knows lib only.'),
  layer(['src/uploader/**'], '^@/(?!uploader/|api/|lib/)', 'The uploader knows api and lib only.'),
  layer(['src/ui/**'], '^@/(app|features)/', `ui is shared (${shared.join(', ')}): it knows no feature.`),
  ...features.map((name) =>
    layer([`src/features/${name}/**`], `^@/(app/|features/(?!${name}/))`, 'No feature imports another, nor the app.'),
  ),
  {
    files: ['**/*.{js,mjs}'],
    extends: [ts.configs.disableTypeChecked],
    languageOptions: { globals: { process: 'readonly', console: 'readonly' } },
  },
);
