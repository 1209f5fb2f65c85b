import { describe, expect, it } from 'vitest';
import { stopsInHook } from './hookStop.ts';

const hook = (...command: string[]) => stopsInHook({ lifecycle: { preStop: { exec: { command } } } });
const script = (text: string) => hook('/bin/sh', '-c', text);

describe('a hook that stops the server at once', () => {
  it.each([
    ['nginx -s quit', 'nginx -s quit'],
    ['/usr/sbin/nginx -c /etc/nginx/nginx.conf -s quit; while pgrep -x nginx; do sleep 1; done', 'nginx -s quit'],
    ['exec nginx -s stop', 'nginx -s stop'],
    ['nginx -s quit && sleep 20', 'nginx -s quit'],
    ['set -e; echo bye && openresty -s quit', 'openresty -s quit'],
    ['sleep 0; nginx -s quit', 'nginx -s quit'],
    ['apachectl -k graceful-stop', 'apachectl -k graceful-stop'],
    ['sleep 5; nginx -s quit', undefined],
    ['sleep $WAIT; nginx -s quit', undefined],
    ['/wait-for-drain && nginx -s quit', undefined],
    ['test -f /tmp/x || nginx -s quit', undefined],
    ['if true; then nginx -s quit; fi', undefined],
    ['nginx -s reload', undefined],
    ['nginx -s', undefined],
    ['nginx quit', undefined],
    ['constructor -s quit', undefined],
    ['', undefined],
  ])('in a script: %s', (text, stop) => {
    expect(script(text)).toBe(stop);
  });

  it('without a shell', () => {
    expect(hook('/usr/sbin/nginx', '-s', 'quit')).toBe('nginx -s quit');
    expect(hook('sleep', '5')).toBeUndefined();
    expect(hook()).toBeUndefined();
    expect(stopsInHook({})).toBeUndefined();
    expect(stopsInHook({ lifecycle: { preStop: { sleep: { seconds: 5 } } } })).toBeUndefined();
  });
});
