export { sessionTexts, settingsTexts } from './account';
export { apiDocsTexts } from './api-docs';
export { bundlesTexts, labelsTexts } from './labels';
export { photosTexts, selectionTexts, viewerTexts } from './photos';
export { firstRun, shell } from './shell';
export { uploadsTexts } from './uploads';
export { files, photos, queryInWords } from './words';
