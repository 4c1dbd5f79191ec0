import { Suspense } from 'react';
import { Navigate, Route, Routes } from 'react-router';
import { PhotosPage } from '@/features/photos/photos-page';
import { SignedInPage } from '@/features/session/signed-in-page';
import { lazily } from '@/ui/deferred';
import { Loading } from '@/ui/states';
import { LostPage } from './lost-page';

const LabelsPage = lazily(() => import('@/features/labels/labels-page').then((m) => m.LabelsPage));
const UploadsPage = lazily(() => import('@/features/uploads/uploads-page').then((m) => m.UploadsPage));
const BundlesPage = lazily(() => import('@/features/bundles/bundles-page').then((m) => m.BundlesPage));
const SettingsPage = lazily(() => import('@/features/settings/settings-page').then((m) => m.SettingsPage));

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
