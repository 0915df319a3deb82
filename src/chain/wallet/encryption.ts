export type Encryption = 'none' | 'nacl' | 'ansible' | 'fernet';

/** How a key file's content is encrypted, told from its first bytes. */
export function encryptionOf(bytes: Uint8Array): Encryption {
  const head = Buffer.from(bytes.subarray(0, 32)).toString('latin1');
  if (head.startsWith('$NACL')) return 'nacl';
  if (head.startsWith('$ANSIBLE_VAULT')) return 'ansible';
  if (head.startsWith('gAAAAA')) return 'fernet';
  return 'none';
}
