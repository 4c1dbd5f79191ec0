import type { components } from './schema';

type Schemas = components['schemas'];

export type Photo = Schemas['PhotoOut'];
export type PhotoLabel = Schemas['LabelOut'];
export type LabelEdit = Schemas['LabelEdit'];
export type Query = Schemas['QueryIn'];
export type Upload = Schemas['Admitted'];
export type UploadFile = Schemas['FileToUpload'];
export type Bundle = Schemas['BundleOut'];
export type Session = Schemas['Session'];
export type Config = Schemas['Config'];
export type Token = Schemas['TokenOut'];
export type Notifications = Schemas['Notifications'];
export type NotificationsChange = Schemas['NotificationsChange'];
export type ImportEstimate = Schemas['EstimateOut'];
export type Channel = Schemas['Channel'];

/** One entry of the layout: id, width and height in pixels, time taken. */
export type LayoutEntry = [id: string, width: number | null, height: number | null, takenAt: string | null];
