/** Where a Hub may send `pt`: never into this machine, in whatever spelling, unless it is there itself. */
import { expect, it } from 'vitest';
import { checkTarget } from '../../src/hub/targets.ts';

const HUB = 'https://hub.example.test';
const target = (to: string, hub = HUB) => checkTarget(new URL(to), new URL(hub), false);

it.each([
  'https://localhost/x',
  'https://localhost./x',
  'https://a.localhost/x',
  'https://127.0.0.1/x',
  'https://127.1/x',
  'https://2130706433/x',
  'https://0.0.0.0:9944/x',
  'https://0/x',
  'https://[::1]/x',
  'https://[::]/x',
  'https://[::ffff:127.0.0.1]/x',
  'https://169.254.169.254/latest/meta-data',
  'https://[::ffff:169.254.169.254]/x',
  'https://[fe80::1]/x',
  'http://store.example.test/x',
  'file:///etc/passwd',
  'data:text/plain,x',
])('%s is refused', (to) => {
  expect(() => target(to)).toThrow(expect.objectContaining({ code: 'hub.target_refused', exitCode: 5 }));
});

it('goes to stores elsewhere, and on this machine when the Hub is here', () => {
  for (const to of ['https://store.example.test/x', 'https://10.0.0.7/x', 'https://[fd00::1]/x', `${HUB}/x`])
    expect(() => target(to)).not.toThrow();
  expect(() => target('http://127.0.0.1:2/x', 'http://127.0.0.1:1')).not.toThrow();
  expect(() => target('http://localhost:2/x', 'http://127.0.0.1:1')).not.toThrow();
  expect(() => target('http://0.0.0.0:1/x', 'http://0.0.0.0:1')).not.toThrow();
  expect(() => target('http://169.254.169.254/x', 'http://127.0.0.1:1')).toThrow();
});
