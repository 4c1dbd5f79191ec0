import type { Plugin } from 'vite';

/** Links src/early.ts from the page's head, before the page's own script. Pages do without it while developing. */
export function earlyPlugin(): Plugin {
  return {
    name: 'imgtag-early',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler: (_html, { bundle = {}, path }) => {
        if (path !== '/index.html') return;
        const script = Object.values(bundle).find((file) => file.type === 'chunk' && file.name === 'early');
        if (script === undefined) throw new Error('The build has no chunk named early');
        return [{ tag: 'script', attrs: { src: `/${script.fileName}` }, injectTo: 'head-prepend' }];
      },
    },
  };
}
