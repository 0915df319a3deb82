import { UserError } from '../errors.ts';

/** What the SDK adds to the reference's scripts, by our spelling: whether a value follows, and what it means here. */
const REFERENCE_FLAGS: Record<string, { value?: true; says: string }> = {
  'logging-debug': { says: 'an error comes with its stack.' },
  'logging-trace': { says: 'an error comes with its stack.' },
  'logging-info': { says: 'progress is always shown; --quiet turns it off.' },
  'logging-record-log': {
    says: 'nothing more is kept: pt train has trainer.log in the folder of its run, pt upload prints what it does.',
  },
  'logging-logging-dir': {
    value: true,
    says: "is not used: the log of pt train lies in its run's folder, which --model-dir moves.",
  },
  'no-version-checking': { says: 'pt never looks for a newer version.' },
  'no-prompt': { says: 'is not used: --yes answers what pt asks.' },
  strict: { says: 'pt always refuses flags that it does not know.' },
};

/**
 * Takes those flags out of an argument list, in dotted, snake and kebab form, and gives what is to be said of each: nothing is passed over in
 * silence. `known` are the command's own flags, which go first. Throws `UserError` `usage.bad_flags` for one without its value.
 */
export function takeReferenceFlags(
  argv: string[],
  known: ReadonlySet<string>,
): { argv: string[]; notes: string[]; debug: boolean } {
  const rest: string[] = [];
  const notes: string[] = [];
  let debug = false;
  for (let at = 0; at < argv.length; at += 1) {
    const token = argv[at]!;
    if (token === '--') return { argv: [...rest, ...argv.slice(at)], notes, debug };
    const [typed = '', given] = token.startsWith('--') ? token.slice(2).split(/=(.*)/s) : [];
    const name = typed.replace(/[._]/g, '-');
    const flag = known.has(name) || !Object.hasOwn(REFERENCE_FLAGS, name) ? null : REFERENCE_FLAGS[name]!;
    if (flag === null) {
      rest.push(token);
      continue;
    }
    if (flag.value && given === undefined) {
      at += 1;
      if (argv[at] === undefined)
        throw new UserError('usage.bad_flags', `--${typed} expects a value.`, {
          nextSteps: [`Leave --${typed} out: ${flag.says}`],
        });
    } else if (!flag.value && given !== undefined) {
      if (/^(false|0|no)$/i.test(given)) continue;
      if (!/^(true|1|yes)$/i.test(given))
        throw new UserError('usage.flag_value', `--${typed} is a switch and takes no value.`, {
          nextSteps: [`Write --${typed} or leave it out.`],
        });
    }
    debug ||= name === 'logging-debug' || name === 'logging-trace';
    notes.push(`--${typed}: ${flag.says}`);
  }
  return { argv: rest, notes, debug };
}
