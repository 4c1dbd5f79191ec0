/// <reference lib="webworker" />
import { sha256File } from './sha256';

export interface HashRequest {
  id: number;
  file: File;
}

export type HashAnswer = { id: number; sha256: string } | { id: number; error: string };

self.onmessage = ({ data: { id, file } }: MessageEvent<HashRequest>) => {
  sha256File(file).then(
    (sha256) => self.postMessage({ id, sha256 } satisfies HashAnswer),
    (error: unknown) => self.postMessage({ id, error: String(error) } satisfies HashAnswer),
  );
};
