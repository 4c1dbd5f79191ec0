/**
 * Asks for what the first screen needs while the page's own script is still on its way: on a slow
 * device that takes longer than the answers. A plain script that stands alone, to run before all else.
 */
(() => {
  const answers = new Map<string, Promise<Response>>();
  globalThis.imgtagEarly = answers;

  /** What the first rows of the grid hold on a wide screen. */
  const firstThumbnails = 24;

  function ask(address: string): Promise<Response> {
    const url = new URL(address, location.origin).href;
    const answer = fetch(url);
    // Whoever takes the answer sees the failure; untaken, it is nobody's.
    answer.catch(() => undefined);
    answers.set(url, answer);
    return answer;
  }

  async function askForPhotos(): Promise<void> {
    const answer = await ask('/api/photos/layout?sort=-taken_at');
    if (!answer.ok) return;
    const { photos } = (await answer.clone().json()) as { photos: [id: string, width: number | null][] };
    for (const [id, width] of photos.slice(0, firstThumbnails)) {
      if (width !== null) new Image().src = `/api/photos/${encodeURIComponent(id)}/thumbnail`;
    }
  }

  void ask('/api/config');
  void ask('/api/session');
  if (location.search === '' && /^\/(photos)?$/.test(location.pathname)) askForPhotos().catch(() => undefined);
})();
