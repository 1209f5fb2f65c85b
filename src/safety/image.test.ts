import { describe, expect, it } from 'vitest';
import { imageName, imageOf, shelllessReason } from './image.ts';

describe('an image reference', () => {
  it.each([
    ['nginx', { repository: 'nginx' }],
    ['nginx:1.29', { repository: 'nginx', tag: '1.29' }],
    ['localhost:5000/nginx', { repository: 'localhost:5000/nginx' }],
    ['localhost:5000/a/nginx:1@sha256:00', { repository: 'localhost:5000/a/nginx', tag: '1', digest: 'sha256:00' }],
    ['nginx@sha256:00', { repository: 'nginx', digest: 'sha256:00' }],
    ['', undefined],
    ['two words', undefined],
    ['ko://example.com/cmd/web', undefined],
    [undefined, undefined],
  ])('%s', (image, parts) => {
    expect(imageOf(image)).toEqual(parts);
  });

  it('has a name', () => {
    expect(imageName('docker.io/library/nginx:1')).toBe('nginx');
    expect(imageName(undefined)).toBeUndefined();
  });

  it.each([
    ['gcr.io/distroless/static', 'distroless'],
    ['example.com/app:1.0-distroless', 'distroless'],
    ['example.com/app:1.0-scratch', 'scratch'],
    ['cgr.dev/chainguard/static:latest', 'static'],
    ['gcr.io/distroless/static:debug', undefined],
    ['example.com/app:distroless-dev', undefined],
    ['example.com/scratch/app:1', undefined],
    ['alpine', undefined],
    [undefined, undefined],
  ])('%s is known to have no shell: %s', (image, reason) => {
    expect(shelllessReason(image)).toBe(reason);
  });
});
