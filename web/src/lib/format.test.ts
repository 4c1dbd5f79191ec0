import { expect, it } from 'vitest';
import { formatBytes, formatDuration, formatRelative } from './format';

it('shows sizes with at most one digit after the point', () => {
  expect([0, 999, 1500, 999_950, 1_200_000_000].map(formatBytes)).toEqual([
    '0 bytes',
    '999 bytes',
    '1.5 kB',
    '1 MB',
    '1.2 GB',
  ]);
});

it('rounds remaining time up, in steps that do not flicker', () => {
  expect([0.3, 12, 61, 3700].map(formatDuration)).toEqual(['5 s', '15 s', '2 min', '1 h 2 min']);
});

it('tells times from now', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  expect(formatRelative('2026-01-01T23:00:00Z', now)).toBe('in 23 hours');
  expect(formatRelative('2025-12-31T23:55:00Z', now)).toBe('5 minutes ago');
});
