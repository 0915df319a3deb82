import { EXIT, OutsideError, type PtError, UserError } from '../errors.ts';

/*
 * What the errors of nodes, and of the proxies before them, mean. Codes: JSON-RPC 2.0; Substrate's author and pool errors (1010 to 1019);
 * subtensor's `CustomTransactionError`, whose numbers are part of its interface and never change.
 */

/** A node that does not have a block yet which another endpoint has told us of. */
const BEHIND = /unknown ?block|header (was )?not found/i;
/** Words of a server that would answer later. Codes are not enough: rate limits come as -32999, 429, 1 or none at all. */
const BUSY =
  /rate.?limit|too many|throttl|quota|limit exceeded|try again|retry|busy|overload|capacity|temporar|unavailable|time(d)?.?out|internal error|\b(429|50[234])\b/i;

/** Whether asking the same again later is the right answer to this error. */
export function isTransient(code: number, text: string): boolean {
  if ((code <= -32000 && code >= -32099) || code === -32603 || code === 429) return true;
  // Ours to mend: asking again changes nothing.
  if (code <= -32600 && code >= -32700) return false;
  return BEHIND.test(text) || BUSY.test(text);
}

/** Milliseconds that the server wants to be left alone, where it says so in words; 0 otherwise. */
export function retryAfter(text: string): number {
  const [, digits, unit] = /(?:retry|again)\D{0,20}(\d{1,4})\s*(ms|s)?/i.exec(text) ?? [];
  return digits === undefined ? 0 : Number(digits) * (unit === 'ms' ? 1 : 1000);
}

/** What a pool's refusal of a signed extrinsic means. */
export type Refusal =
  /** It waits there already, or its nonce is taken by one that does, or its nonce or era is over: the chain's state will tell. */
  | 'known'
  /** Not taken now: a full pool or block, a rate limit, a ban that passes. */
  | 'busy'
  /** The runtime was built without the digest of its metadata, so that it cannot check ours. */
  | 'no_digest'
  /** The signature is not over what the runtime reads: the metadata that it was built by is not the runtime's. */
  | 'refuted'
  /** Never valid. */
  | 'hopeless';

const OVER = /outdated|stale|ancient|future/i;

/** Reads the answer to `author_submitExtrinsic`. */
export function refusalOf(code: number, text: string): Refusal {
  if (code === 1010) {
    if (/exhaust/i.test(text)) return 'busy';
    if (/bad.?(signature|proof)/i.test(text)) return 'refuted';
    return OVER.test(text) ? 'known' : 'hopeless';
  }
  if (code === 1011 && /look.?up/i.test(text)) return 'no_digest';
  // 1012: banned, mostly since a block dropped it; 1013: imported already; 1014: another one has its nonce; 1015: cycle.
  if (code >= 1012 && code <= 1015) return 'known';
  if (code === 1002) return BUSY.test(text) ? 'busy' : 'refuted';
  if (code === 1001 || code === 1017) return 'hopeless';
  if (code <= -32600 && code >= -32700 && code !== -32603) return 'hopeless';
  // 1016: dropped at once by a full pool. What has no better word is waited out too: the bound is the era.
  return 'busy';
}

const customCode = (text: string): number | null => {
  const digits = /custom error:?\s*(\d{1,3})/i.exec(text)?.[1];
  return digits === undefined ? null : Number(digits);
};

/** `CustomTransactionError` of subtensor, as far as a commitment can meet it. */
const CUSTOM: Record<number, (netuid: number) => PtError> = {
  2: () => cannotPay(),
  3: (netuid) => noSubnet(netuid),
  4: (netuid) => notRegistered(netuid),
  6: (netuid) => limit(`this hotkey sends too much on netuid ${netuid}`),
  10: (netuid) => notRegistered(netuid),
  12: (netuid) => limit(`this hotkey sends too much on netuid ${netuid}`),
  19: (netuid) => notRegistered(netuid),
};

/** The error with its own cure for a pool's `hopeless` refusal; null where there is no better word than the node's own. */
export function poolError(code: number, text: string, netuid: number): PtError | null {
  if (code !== 1010) return null;
  if (/fee|balance too low|payment/i.test(text)) return cannotPay();
  const custom = customCode(text);
  return custom === null ? null : (CUSTOM[custom]?.(netuid) ?? null);
}

const limit = (reason: string): PtError =>
  new OutsideError('chain.limit', `The chain refused the commitment: ${reason}.`, {
    exitCode: EXIT.limit,
    nextSteps: ['pt upload --resume --wait', 'pt status --mine'],
  });

const notRegistered = (netuid: number): PtError =>
  new UserError(
    'hotkey.not_registered',
    `The chain does not let this hotkey commit on netuid ${netuid}: it is not registered there.`,
    {
      exitCode: EXIT.wallet,
      nextSteps: [
        `btcli subnet register --netuid ${netuid} --wallet-name NAME --hotkey HOTKEY`,
        'pt wallet list',
      ],
    },
  );

const noSubnet = (netuid: number): PtError =>
  new UserError('netuid.missing', `The chain has no subnet ${netuid}.`, {
    nextSteps: ['pt config show   # says where the netuid comes from', 'Name the right one: --netuid N'],
  });

const cannotPay = (): PtError =>
  new UserError('chain.fees', 'The chain refused the commitment: this hotkey cannot pay its fee.', {
    nextSteps: [
      'Send a little TAO to the address that `pt wallet show` names.',
      'pt upload --resume   # afterwards',
    ],
  });

/** Errors of the pallets that a miner can meet, by name. */
const DISPATCH: Record<string, (netuid: number) => PtError> = {
  AccountNotAllowedCommit: notRegistered,
  HotKeyNotRegisteredInNetwork: notRegistered,
  HotKeyNotRegisteredInSubNet: notRegistered,
  SpaceLimitExceeded: (netuid) =>
    limit(`this hotkey has used up its space of this epoch on netuid ${netuid}`),
  CommitmentSetRateLimitExceeded: (netuid) => limit(`this hotkey committed on netuid ${netuid} too recently`),
  SubnetNotExists: noSubnet,
  InsufficientBalance: cannotPay,
};

/** The error for a call that is in a block and failed there: `pallet` and `name` as the runtime calls them. */
export function dispatchError(pallet: string, name: string, netuid: number): PtError {
  const known = Object.hasOwn(DISPATCH, name) ? DISPATCH[name] : undefined;
  return (
    known?.(netuid) ??
    new OutsideError('chain.dispatch', `The chain refused the commitment: ${pallet}.${name}.`, {
      nextSteps: ['pt status --mine', 'pt doctor'],
      details: { pallet, error: name },
    })
  );
}
