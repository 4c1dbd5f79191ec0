import { lazy, Suspense } from 'react';
import { Navigate, Route, Routes } from 'react-router';
import { PhotosPage } from '@/features/photos/photos-page';
import { SignedInPage } from '@/features/session/signed-in-page';
import { Loading } from '@/ui/states';
import { LostPage } from './lost-page';

const LabelsPage = lazy(() => import('@/features/labels/labels-page').then((m) => ({ default: m.LabelsPage })));
const UploadsPage = lazy(() => import('@/features/uploads/uploads-page').then((m) => ({ default: m.UploadsPage })));
const BundlesPage = lazy(() => import('@/features/bundles/bundles-page').then((m) => ({ default: m.BundlesPage })));
const SettingsPage = lazy(() => import('@/features/settings/settings-page').then((m) => ({ default: m.SettingsPage })));

export function Pages() {
  return (
    <Suspense fallback={<Loading />}>
      <Routes>
        <Route index element={<Navigate to="/photos" replace />} />
        <Route path="photos/:photoId?" element={<PhotosPage key="photos" trashed={false} />} />
        <Route path="trash/:photoId?" element={<PhotosPage key="trash" trashed />} />
        <Route path="labels" element={<LabelsPage />} />
        <Route path="uploads" element={<UploadsPage />} />
        <Route path="bundles" element={<BundlesPage />} />
        <Route path="settings" element={<SettingsPage />} />
        <Route path="signed-in" element={<SignedInPage />} />
        <Route path="*" element={<LostPage />} />
      </Routes>
    </Suspense>
  );
}
