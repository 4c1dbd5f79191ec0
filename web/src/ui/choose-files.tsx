import { Button } from '@cloudscape-design/components';
import { useRef } from 'react';
import { pickFromInput } from '@/uploader/pick-files';
import { useUploads } from '@/uploader/uploads-context';

interface ChooserProps {
  accept: string;
  folder: boolean;
}

/** A hidden file input and a way to open it. A folder input lists every file below the folder. */
export function useChooser({ accept, folder }: ChooserProps) {
  const { add } = useUploads();
  const input = useRef<HTMLInputElement>(null);
  const choose = (node: HTMLInputElement) => {
    add(pickFromInput(node.files));
    // Choosing the same folder again must be an event too.
    node.value = '';
  };
  const element = (
    <input
      ref={(node) => {
        input.current = node;
        if (!node) return;
        node.webkitdirectory = folder;
        // Not React's: a choice counts even if the page has changed while the dialog was open.
        node.onchange = () => choose(node);
      }}
      type="file"
      multiple
      hidden
      accept={folder ? undefined : accept}
      data-testid={folder ? 'choose-folder' : 'choose-files'}
    />
  );
  return { element, open: () => input.current?.click() };
}

interface ChooseButtonProps extends ChooserProps {
  text: string;
  primary?: boolean;
}

export function ChooseButton({ text, primary = false, ...chooser }: ChooseButtonProps) {
  const { element, open } = useChooser(chooser);
  return (
    <>
      <Button variant={primary ? 'primary' : 'normal'} onClick={open}>
        {text}
      </Button>
      {element}
    </>
  );
}
