import { fromEvent } from 'file-selector';
import type { PickedFile } from './model';

type WithPath = File & { path?: string; relativePath?: string };

function toPicked(file: WithPath): PickedFile {
  const path = file.webkitRelativePath || file.relativePath || file.path || file.name;
  return { file, path: path.replace(/^\.?\//, '') };
}

const byPath = (a: PickedFile, b: PickedFile) => a.path.localeCompare(b.path, undefined, { numeric: true });

/** Everything dropped or chosen, folders walked to the bottom, sorted as a file manager would. */
export async function pickFiles(event: Event): Promise<PickedFile[]> {
  const found = await fromEvent(event);
  const files = found.filter((entry): entry is WithPath & typeof entry => entry instanceof File);
  return files.map(toPicked).sort(byPath);
}

export function pickFromInput(list: FileList | null): PickedFile[] {
  return Array.from(list ?? [], toPicked).sort(byPath);
}

/** True when a drag carries files rather than text or a link. */
export const carriesFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
