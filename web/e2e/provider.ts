import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { python } from './server';

/** An OpenID provider on a port of its own, which signs in whoever comes. */
export class Provider {
  issuer = '';
  #process: ChildProcess | null = null;

  async start(): Promise<this> {
    const child = spawn(python, ['-m', 'tests.oidc'], { cwd: path.resolve('..') });
    this.#process = child;
    this.issuer = await new Promise<string>((resolve, reject) => {
      child.stdout.once('data', (text: Buffer) => resolve(text.toString().trim()));
      child.once('exit', () => reject(new Error('the provider ended early')));
    });
    return this;
  }

  async stop(): Promise<void> {
    const child = this.#process;
    if (child?.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.stdin?.end();
    await ended;
  }
}
