import { Alert, Box, Button, FormField, Modal, SpaceBetween, TokenGroup } from '@cloudscape-design/components';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { keys } from '@/api/keys';
import { editPhotos, type Target } from '@/api/photos';
import { selectionTexts, shell } from '@/texts';
import { useNotify } from '@/ui/notices';
import { LabelPicker } from './label-picker';

interface Props {
  target: Target;
  count: number;
  onClose: () => void;
}

interface SideProps {
  label: string;
  hint: string;
  labels: string[];
  inventing: boolean;
  onChange: (labels: string[]) => void;
}

function Side({ label, hint, labels, inventing, onChange }: SideProps) {
  const pick = (name: string) => onChange([...labels.filter((one) => one !== name), name]);
  return (
    <FormField label={label} description={hint} stretch>
      <LabelPicker ariaLabel={label} except={labels} inventing={inventing} onPick={pick} />
      <TokenGroup
        items={labels.map((name) => ({ label: name, dismissLabel: `${shell.dismiss} ${name}` }))}
        onDismiss={({ detail }) => onChange(labels.filter((_, n) => n !== detail.itemIndex))}
      />
    </FormField>
  );
}

export function EditLabelsDialog({ target, count, onClose }: Props) {
  const cache = useQueryClient();
  const notify = useNotify();
  const [add, setAdd] = useState<string[]>([]);
  const [remove, setRemove] = useState<string[]>([]);
  const edit = useMutation({
    mutationFn: () => editPhotos(target, { add, remove }),
    onSuccess: (changed) => {
      notify({ type: 'success', text: selectionTexts.edited(changed) });
      for (const queryKey of [keys.photos, keys.labels]) void cache.invalidateQueries({ queryKey });
      onClose();
    },
  });
  const footer = (
    <Box float="right">
      <SpaceBetween direction="horizontal" size="xs">
        <Button onClick={onClose}>{shell.cancel}</Button>
        <Button
          variant="primary"
          loading={edit.isPending}
          disabled={add.length + remove.length === 0}
          onClick={() => edit.mutate()}
        >
          {selectionTexts.editApply}
        </Button>
      </SpaceBetween>
    </Box>
  );
  return (
    <Modal
      visible
      header={selectionTexts.editTitle(count)}
      footer={footer}
      onDismiss={onClose}
      closeAriaLabel={shell.close}
    >
      <SpaceBetween size="l">
        {edit.error && <Alert type="error">{edit.error.message}</Alert>}
        <Side
          label={selectionTexts.editAdd}
          hint={selectionTexts.editAddHint}
          labels={add}
          inventing
          onChange={setAdd}
        />
        <Side
          label={selectionTexts.editRemove}
          hint={selectionTexts.editRemoveHint}
          labels={remove}
          inventing={false}
          onChange={setRemove}
        />
      </SpaceBetween>
    </Modal>
  );
}
