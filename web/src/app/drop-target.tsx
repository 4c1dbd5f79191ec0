import { useEffect, useState } from 'react';
import { useNavigate } from 'react-router';
import { shell } from '@/texts';
import { carriesFiles, pickFiles } from '@/uploader/pick-files';
import { useUploads } from '@/uploader/uploads-context';

/** Makes the whole window take files and folders. */
export function DropTarget() {
  const { add } = useUploads();
  const navigate = useNavigate();
  const [over, setOver] = useState(false);
  useEffect(() => {
    const onOver = (event: DragEvent) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      setOver(true);
    };
    const onLeave = (event: DragEvent) => {
      if (event.relatedTarget === null) setOver(false);
    };
    const onDrop = (event: DragEvent) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      setOver(false);
      void pickFiles(event).then((files) => {
        add(files);
        if (files.length > 0) void navigate('/uploads');
      });
    };
    const listeners = { dragover: onOver, dragenter: onOver, dragleave: onLeave, drop: onDrop };
    for (const [name, listener] of Object.entries(listeners)) window.addEventListener(name, listener as EventListener);
    return () => {
      for (const [name, listener] of Object.entries(listeners))
        window.removeEventListener(name, listener as EventListener);
    };
  }, [add, navigate]);
  if (!over) return null;
  return (
    <div className="drop-veil">
      <div>{shell.dropHere}</div>
    </div>
  );
}
