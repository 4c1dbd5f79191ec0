import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { keys } from '@/api/keys';
import { sessionTexts } from '@/texts';
import { Door } from './door';

export function Unreachable() {
  const cache = useQueryClient();
  useEffect(() => {
    const timer = window.setInterval(() => {
      void cache.refetchQueries({ queryKey: keys.config });
      void cache.refetchQueries({ queryKey: keys.session });
    }, 3000);
    return () => window.clearInterval(timer);
  }, [cache]);
  const message = (
    <div className="stack" role="status">
      <h1>{sessionTexts.unreachable}</h1>
      <p className="soft">{sessionTexts.unreachableDetail}</p>
    </div>
  );
  return <Door form={message} />;
}
