import { Flags, PtCommand } from '../../cli/base.ts';
import { profileNamed } from '../../constants.ts';
import type { Printed } from '../../output/index.ts';
import { sandboxOutput } from '../../output/sandbox.ts';
import {
  launchDetached,
  logFile,
  playsLast,
  readSandboxState,
  refuseOther,
  type SandboxOptions,
  SPECS,
  sandboxDir,
  sandboxStatus,
  startSandbox,
} from '../../sandbox/index.ts';
import { type Settings, sandboxNotRunning } from '../../settings/index.ts';

const port = (summary: string) => Flags.integer({ summary, min: 1, max: 65_535 });

export default class SandboxStart extends PtCommand {
  static override summary = 'Start an embedded chain and Hub on this machine';
  static override description =
    `Both listen on 127.0.0.1 only and keep their state under PT_HOME, with a throwaway wallet and Hub token made
there. They speak the real wire protocols; \`--network sandbox\` uses them. The chain pays all incentive to the newest
commitment on it: nothing is scored. With \`--profile\` it plays that subnet: its number, its rules in a small form, a
tiny king to beat, and \`pt sandbox judge\` as its validator. Starting twice does no harm.`;
  static override examples = [
    '<%= config.bin %> sandbox start --detach',
    '<%= config.bin %> sandbox start --detach --profile albedo',
  ];
  static override flags = {
    detach: Flags.boolean({ char: 'd', summary: 'Go on in the background and return at once' }),
    'chain-port': port('Port of the chain (the last one, or a free one)'),
    'hub-port': port('Port of the Hub (likewise)'),
    spec: Flags.string({
      summary:
        "The chain's runtime: 424 as it is now, 218 for SDKs of 9, 152 for those of 6 (release 3.2); a chain is of one",
      options: SPECS.map(String),
      exclusive: ['fork'],
    }),
    fork: Flags.string({
      summary: 'Fork a real chain with chopsticks (needs internet)',
      options: ['finney', 'test'],
    }),
    profile: Flags.string({
      summary: 'Play the subnet of this profile (`pt profiles`; the one that it played last)',
      exclusive: ['fork'],
    }),
    profiles: Flags.string({ summary: 'Folder with more profiles (none)' }),
  };

  async run(): Promise<Printed<'sandbox:start'>> {
    const { flags } = await this.parse(SandboxStart);
    const settings = await this.settings({ profiles: flags.profiles });
    const { home, constants } = settings;
    const dir = sandboxDir(home);
    let fork: SandboxOptions['fork'];
    if (flags.fork) {
      const { findChopsticks } = await import('../../sandbox/fork.ts');
      const [endpoint] = constants.networks[flags.fork]?.endpoints ?? [];
      fork = {
        program: findChopsticks(process.env.PATH ?? ''),
        endpoint: endpoint ?? '',
        network: flags.fork,
      };
    }
    const running = readSandboxState(dir);
    if (running) {
      refuseOther(running, flags);
      this.note('The sandbox is already running.');
      return this.#show(dir);
    }
    const played = flags.profile ?? (flags.fork ? null : playsLast(dir));
    const plays =
      played === null
        ? undefined
        : {
            name: played,
            profile: profileNamed(constants, played),
            env: { ...process.env, PT_PYTHON: settings.python ?? undefined },
          };
    if (flags.detach) {
      const passedOn = (['chain-port', 'hub-port', 'spec', 'fork', 'profile'] as const).flatMap((name) =>
        flags[name] ? [`--${name}`, String(flags[name])] : [],
      );
      const command = [process.execPath, process.argv[1]!, 'sandbox', 'start', '--json', ...passedOn];
      await launchDetached(
        dir,
        command,
        { ...process.env, PT_HOME: home, ...whereverItRuns(settings) },
        { makesKing: plays !== undefined },
      );
      return this.#show(dir);
    }
    const sandbox = await startSandbox({
      dir,
      chainPort: flags['chain-port'],
      hubPort: flags['hub-port'],
      spec: flags.spec === undefined ? undefined : Number(flags.spec),
      fork,
      ...(plays ? { plays } : {}),
    });
    const stopped = Promise.withResolvers<void>();
    this.onInterrupt(() => stopped.resolve());
    const status = await this.#show(dir);
    this.printNow(status);
    await stopped.promise;
    await sandbox.close();
    this.note('Stopped. The state is kept; `pt sandbox reset` wipes it.');
    return status;
  }

  async #show(dir: string): Promise<Printed<'sandbox:start'>> {
    const running = await sandboxStatus(dir);
    // It may have been stopped since it answered.
    if (running === null) throw sandboxNotRunning();
    const { chain, hub, netuid, block, wallet, plays } = running;
    this.success(`Sandbox: chain ${chain}, Hub ${hub}, subnet ${netuid}, block ${block}.`);
    this.note(`Wallet ${wallet.name}/${wallet.hotkey} ${wallet.ss58}; log ${logFile(dir)}`);
    if (plays) {
      this.success(
        `It plays ${plays.of} in the small form ${plays.profile}; ${plays.king ? `the king is ${plays.king.repo}` : 'there is no king: its models are none that pt trains'}.`,
      );
      this.nextSteps([
        ...(plays.king
          ? ['pt load-best --network sandbox --dir base', 'pt check DIR --network sandbox --against king']
          : []),
        'pt sandbox judge   # one round of its validator',
        'pt sandbox stop',
      ]);
      return sandboxOutput(dir, running);
    }
    this.nextSteps([
      'pt train --network sandbox --hf-repo-id me/first --avg-loss-upload-threshold 1000 --yes',
      'eval "$(pt sandbox env)"   # the same for other programs',
      'pt sandbox stop',
    ]);
    return sandboxOutput(dir, running);
  }
}

/** Folders and programs as they are meant here: the sandbox runs in a folder of its own, where a relative path or `.env` means something else. */
const whereverItRuns = ({ rows }: Settings): Record<string, string> =>
  Object.fromEntries(
    rows.flatMap(({ key, value, env: [name] }) =>
      ['profiles', 'constants', 'python'].includes(key) && value !== null ? [[name!, String(value)]] : [],
    ),
  );
