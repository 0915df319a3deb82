import { z } from 'zod';
import type { HotkeyFile } from '../chain/types.ts';
import { exactly } from './exactly.ts';
import { count, text } from './parts.ts';

const hotkey = exactly<HotkeyFile>()(
  z.strictObject({
    wallet: text,
    hotkey: text,
    file: text,
    ss58: text
      .nullable()
      .describe('Null: neither the file nor the public half beside it tells, or what it tells is wrong'),
    addressDiffers: z
      .boolean()
      .describe('The address in the file is not its public key’s; it is not believed'),
    encryption: z.enum(['none', 'nacl', 'ansible', 'fernet']),
    cryptoType: z.enum(['sr25519', 'ed25519']).nullable(),
    worldReadable: z.boolean(),
  }),
);

export const walletListSchema = z.strictObject({ path: text, hotkeys: z.array(hotkey) });

export const walletShowSchema = z.strictObject({
  ...hotkey.shape,
  ss58: text,
  registered: z.boolean().nullable().describe('Null: not looked up'),
  uid: count.nullable(),
});
