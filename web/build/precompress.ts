import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { Plugin } from 'vite';

const brotli = promisify(brotliCompress);
const gz = promisify(gzip);
const compressible = /\.(html|js|css|svg|json|webmanifest)$/;

async function compressFile(file: string): Promise<void> {
  const bytes = await readFile(file);
  await writeFile(`${file}.br`, await brotli(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
  await writeFile(`${file}.gz`, await gz(bytes, { level: 9 }));
}

/** Writes .br and .gz beside each text file, from disk: Vite still edits chunks after `generateBundle`. */
export function precompress(): Plugin {
  return {
    name: 'imgtag-precompress',
    apply: 'build',
    writeBundle: {
      order: 'post',
      sequential: true,
      async handler({ dir }) {
        if (dir === undefined) return;
        const names = await readdir(dir, { recursive: true });
        const files = names.filter((name) => compressible.test(name)).map((name) => path.join(dir, name));
        await Promise.all(files.map(compressFile));
      },
    },
  };
}
