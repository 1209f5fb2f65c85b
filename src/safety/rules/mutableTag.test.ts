import { deployment, ofKind, withApp } from '../testing/manifests.ts';
import { testRule } from '../testing/ruleTable.ts';
import { mutableTag } from './mutableTag.ts';

testRule(mutableTag, {
  says: [
    [
      'latest',
      [withApp({ image: 'example.com/web:latest' })],
      {
        message: 'container app: image has the tag latest',
        field: 'spec.template.spec.containers[app].image',
        fixed: false,
      },
    ],
    ['a branch', [withApp({ image: 'example.com/web:main' })], { message: 'image has the tag main' }],
    ['a channel', [withApp({ image: 'nginx:stable' })], { message: 'image has the tag stable' }],
    ['no tag', [withApp({ image: 'example.com:5000/web' })], { message: 'image has no tag' }],
  ],
  silent: [
    ['a tag', [deployment()]],
    ['a variant of a release', [withApp({ image: 'example.com/web:1.2.3-stable' })]],
    ['a branch, but a digest', [withApp({ image: 'example.com/web:main@sha256:00' })]],
    ['a digest', [withApp({ image: 'example.com/web@sha256:00' })]],
    ['latest, but a digest', [withApp({ image: 'example.com/web:latest@sha256:00' })]],
    ['no image', [withApp({ image: undefined })]],
    ['a placeholder', [withApp({ image: ' ' })]],
    ['a Job', [ofKind('Job', 'batch/v1', withApp({ image: 'web' }))]],
  ],
});
