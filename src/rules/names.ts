/** What a repository's name must hold of its owner's keys (`repo.contains` of a profile), and what a hotkey may do there how often. */
import type { Finding, Profile } from './types.ts';

export interface Owner {
  hotkey: string;
  /** Null: not known here. */
  coldkey: string | null;
}

/** The text that a name must hold of a key: its first and last characters, or the whole. */
export function tokenOf(key: string, take: readonly [number, number] | undefined): string {
  return take === undefined ? key : `${key.slice(0, take[0])}${key.slice(key.length - take[1])}`;
}

/** Each word that the name must hold. `block`: of the commitment; some rules began at one. */
export function checkNames(repo: string, owner: Owner, { repo: rule }: Profile, block: number): Finding[] {
  return (rule.contains ?? []).flatMap(({ of, take, where, case: letters, from_block: from }): Finding[] => {
    if (from !== undefined && block < from) return [];
    const key = of === 'hotkey' ? owner.hotkey : of === 'coldkey' ? owner.coldkey : of;
    if (key === null)
      return [
        {
          rule: `repo_${of}`,
          ok: null,
          verdict: 'unknown',
          actual: repo,
          limit: null,
          message: `The name must hold characters of the ${of}, which is not known here.`,
        },
      ];
    const fold = (text: string) => (letters === 'any' ? text.toLowerCase() : text);
    const token = tokenOf(key, take);
    const [name, wanted] = [fold(where === 'name_end' ? (repo.split('/').at(-1) ?? '') : repo), fold(token)];
    const ok = where === 'name_end' ? name.endsWith(wanted) : name.includes(wanted);
    const place = where === 'name_end' ? 'end with' : 'contain';
    return [
      {
        rule: `repo_${of === 'hotkey' || of === 'coldkey' ? of : 'word'}`,
        ok,
        actual: repo,
        limit: token,
        message: ok ? `${repo} holds ${token}.` : `The repository's name must ${place} ${token}.`,
      },
    ];
  });
}

/**
 * Whether another seal ends what pays: validators of some subnets take one reveal a hotkey for ever. `reveals`: that the chain has seen of this
 * hotkey; a seal that failed or was lost is none.
 */
export function sealsLeft({ limits }: Profile, reveals: number, block: number): boolean {
  const { seals_per_hotkey_ever: most, seals_from_block: from = 0 } = limits;
  return most === undefined || block < from || reveals < most;
}

/** Whether a hotkey is heard there once only: what is published after that earns nothing. */
export const heardOnce = ({ limits }: Profile): boolean =>
  limits.evaluations_per_hotkey === 1 || limits.seals_per_hotkey_ever === 1;
