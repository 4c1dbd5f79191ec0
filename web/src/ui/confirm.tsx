import { Box, Button, Modal, SpaceBetween } from '@cloudscape-design/components';
import { shell } from '@/texts';

interface ConfirmProps {
  title: string;
  detail: string;
  confirm: string;
  onConfirm: () => void;
  onCancel: () => void;
  cancel?: string;
  busy?: boolean;
}

export function Confirm({ title, detail, confirm, onConfirm, onCancel, cancel = shell.cancel, busy }: ConfirmProps) {
  const buttons = (
    <Box float="right">
      <SpaceBetween direction="horizontal" size="xs">
        <Button onClick={onCancel}>{cancel}</Button>
        <Button variant="primary" onClick={onConfirm} loading={busy}>
          {confirm}
        </Button>
      </SpaceBetween>
    </Box>
  );
  return (
    <Modal visible header={title} footer={buttons} onDismiss={onCancel} closeAriaLabel={shell.close} size="small">
      {detail}
    </Modal>
  );
}
