import '@fontsource-variable/inter/wght.css';
import './styles/tokens.css';
import './styles/base.css';
import './styles/api-docs.css';
import { createRoot } from 'react-dom/client';
import { ApiDocsPage } from '@/features/api-docs/api-docs-page';

const root = document.getElementById('root');
if (root === null) throw new Error('api-docs.html has no #root');
document.documentElement.classList.toggle('awsui-dark-mode', window.matchMedia('(prefers-color-scheme: dark)').matches);
createRoot(root).render(<ApiDocsPage />);
