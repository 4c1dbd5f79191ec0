import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

export const python = process.env.IMGTAG_PYTHON ?? path.resolve('../.venv/bin/python');
const root = path.resolve('..');

export function temporaryFolder(): string {
  return mkdtempSync(path.join(tmpdir(), 'imgtag-e2e-'));
}

/** Makes photos that differ from each other, numbered from `start`. */
export function makePhotos(folder: string, count: number, start = 0): string {
  execFileSync(python, [path.resolve('e2e/make-photos.py'), folder, String(count), String(start)]);
  return folder;
}

function cleanEnvironment(dataDir: string, settings: Record<string, string>): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(AWS|IMGTAG)_/.test(name));
  return { ...Object.fromEntries(kept), IMGTAG_DATA_DIR: dataDir, PYTHONUNBUFFERED: '1', ...settings };
}

/** A real server with a library of its own on a port of its own. */
export class Server {
  readonly dataDir = temporaryFolder();
  output = '';
  url = '';
  #process: ChildProcess | null = null;
  #settings: Record<string, string> = {};

  async start(settings: Record<string, string> = {}): Promise<this> {
    this.#settings = settings;
    const child = spawn(python, ['-m', 'imgtag', 'serve', '--port', '0'], {
      cwd: root,
      env: cleanEnvironment(this.dataDir, settings),
    });
    this.#process = child;
    this.url = await new Promise<string>((resolve, reject) => {
      const read = (text: Buffer) => {
        this.output += text.toString();
        const address = /imgtag is ready: (http:\/\/\S+)/.exec(this.output)?.[1];
        if (address) resolve(address);
      };
      child.stdout.on('data', read);
      child.stderr.on('data', read);
      child.once('exit', () => reject(new Error(`The server ended early:\n${this.output}`)));
    });
    return this;
  }

  async stop(): Promise<void> {
    const child = this.#process;
    if (child?.exitCode === null) {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
    }
    rmSync(this.dataDir, { recursive: true, force: true });
  }

  async call(method: string, address: string, body?: object): Promise<Response> {
    const headers = { Origin: this.url, ...(body && { 'Content-Type': 'application/json' }) };
    const response = await fetch(new URL(address, this.url), { method, headers, body: body && JSON.stringify(body) });
    if (!response.ok) throw new Error(`${method} ${address}: ${response.status} ${await response.text()}`);
    return response;
  }

  async get<T>(address: string): Promise<T> {
    return (await (await this.call('GET', address)).json()) as T;
  }

  cli(...words: string[]): string {
    return execFileSync(python, ['-m', 'imgtag', ...words], { cwd: root, encoding: 'utf8' });
  }

  /** Makes an account beside the first, as an operator does on the machine. */
  addUser(name: string, password: string): void {
    const words = ['-m', 'imgtag', 'user', 'add', name, '--password-stdin'];
    execFileSync(python, words, { cwd: root, env: cleanEnvironment(this.dataDir, this.#settings), input: password });
  }

  /** Takes a whole folder in, by the command line. Reads on meanwhile what the server has to say: unread, it would stop. */
  async upload(folder: string): Promise<void> {
    const words = ['-m', 'imgtag', 'upload', folder, '--wait', '--server', this.url];
    await promisify(execFile)(python, words, { cwd: root, maxBuffer: 2 ** 26 });
  }

  /** Makes the library as new. With accounts, there is nobody yet to have photos. */
  async empty(): Promise<void> {
    const { auth } = await this.get<{ auth: { mode: string } }>('/api/config');
    if (auth.mode !== 'none') return;
    const { photos } = await this.get<{ photos: [id: string][] }>('/api/photos/layout');
    for (const [id] of photos) await this.call('DELETE', `/api/photos/${id}`);
    await this.call('DELETE', '/api/trash');
    const { bundles } = await this.get<{ bundles: { id: string; state: string }[] }>('/api/bundles');
    for (const { id, state } of bundles) if (state === 'ready') await this.call('DELETE', `/api/bundles/${id}`);
  }
}
