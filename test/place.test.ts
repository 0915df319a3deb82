import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPlace, type Place } from '../src/place.ts';
import { type Sandbox, sandboxDir, startSandbox } from '../src/sandbox/index.ts';
import { resolveSettings } from '../src/settings/index.ts';

let home: string;
let sandbox: Sandbox;
const places: Place[] = [];
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'pt-place-'));
  sandbox = await startSandbox({ dir: sandboxDir(home), blockTimeMs: 200 });
});
afterAll(async () => {
  for (const place of places) await place.close();
  await sandbox?.close();
  await rm(home, { recursive: true, force: true });
});

function placeOf(flags: Record<string, unknown>, env: Record<string, string> = {}): Place {
  const settings = resolveSettings({ flags, env: { PT_HOME: home, ...env }, cwd: home, home });
  const place = openPlace(settings, { env: process.env });
  places.push(place);
  return place;
}

describe('a place', () => {
  it('opens each thing once, whoever asks, and anew after it was closed', async () => {
    const place = placeOf({ network: 'sandbox' });
    const [one, other] = await Promise.all([place.chain(), place.chain()]);
    expect(one).toBe(other);
    expect(await place.hub()).toBe(await place.hub({ token: true }));
    expect(await place.hotkey()).toBe(await place.hotkey());
    expect(await place.ownHotkeys()).toEqual(new Set([await place.ownHotkey()]));
    await place.close();
    await expect(one.block()).rejects.toThrow();
    const again = await place.chain();
    expect(again).not.toBe(one);
    expect(await again.block()).toBeGreaterThanOrEqual(0);
    await place.close();
    await place.close();
  });

  it('opens nothing that is not asked for', async () => {
    const place = placeOf({ network: 'ws://127.0.0.1:9', 'wallet-path': join(home, 'none') });
    expect(place.profileName).toBe('3.2');
    expect(place.reachable).toBe(true);
    expect(await place.ownHotkeys()).toEqual(new Set());
    await place.close();
  });

  it('of the history is for looking back: refused by name to whatever does not say so', async () => {
    const asked = { network: 'finney', profile: 'history', offline: true };
    expect(() => placeOf(asked)).toThrow(
      expect.objectContaining({
        code: 'profile.history',
        exitCode: 2,
        message: expect.stringContaining('history'),
      }),
    );
    const settings = resolveSettings({ flags: asked, env: { PT_HOME: home }, cwd: home, home });
    const then = openPlace(settings, { env: process.env, lookBack: 3_000_000 });
    expect([then.asked, then.profileName, then.schedule.name]).toEqual(['history', '3.2', 'schedule']);
    expect(openPlace(settings, { env: process.env, lookBack: null }).profileName).toBe('6.0');
  });

  it('does not keep a failure: what works again is opened', async () => {
    const flags = { network: 'sandbox', 'wallet-path': join(home, 'later') };
    const place = placeOf(flags);
    await expect(place.hotkey()).rejects.toMatchObject({ exitCode: 4 });
    const { createWallet } = await import('../src/chain/index.ts');
    const { ss58 } = await createWallet({ path: flags['wallet-path'], name: 'default', hotkey: 'default' });
    expect((await place.hotkey()).ss58).toBe(ss58);
  });

  it('asks for a token only where one is needed', async () => {
    const place = placeOf({ network: sandbox.state.chain, 'hub-endpoint': sandbox.state.hub });
    const other = placeOf({ network: 'local', 'hub-endpoint': sandbox.state.hub });
    expect((await place.hub({ token: true })).endpoint).toBe(sandbox.state.hub);
    expect((await other.hub()).endpoint).toBe(sandbox.state.hub);
    await expect(other.hub({ token: true })).rejects.toMatchObject({ code: 'token.missing', exitCode: 4 });
  });

  it('offline reaches this machine only, and hands out no token', async () => {
    const away = placeOf({ network: 'finney', offline: true }, { HF_ACCESS_TOKEN: 'hf_secret' });
    expect(away.reachable).toBe(false);
    expect(away.childEnv).toBeNull();
    await expect(away.chain()).rejects.toMatchObject({ code: 'offline.refused' });
    await expect(away.hub()).rejects.toMatchObject({ code: 'offline.refused' });
    const here = placeOf({ network: 'sandbox', offline: true });
    expect(here.reachable).toBe(true);
    expect(await (await here.chain()).block()).toBeGreaterThanOrEqual(0);
    const online = placeOf({ network: 'finney' }, { HF_ACCESS_TOKEN: 'hf_secret' });
    expect(online.childEnv).toEqual({ HF_TOKEN: 'hf_secret' });
  });
});
