import { pathToFileURL } from 'node:url';
import { Flags, hubFlags, networkFlags, notifyFlag, PtCommand, walletFlags } from '../cli/base.ts';
import { describeAge, describeLimit, describeModel, describeRepository } from '../load/describe.ts';
import type { SubnetStatus } from '../load/index.ts';
import type { Standing } from '../notify/index.ts';
import type { Printed } from '../output/index.ts';
import { statusOutput } from '../output/status.ts';
import type { Place } from '../place.ts';

/** Rows shown when nobody asked for all. */
const ROWS = 20;

export default class Status extends PtCommand {
  static override summary = 'The subnet: who is registered, incentive, commitment, repository, limit left';
  static override examples = ['<%= config.bin %> status', '<%= config.bin %> status --mine --watch'];
  static override flags = {
    mine: Flags.boolean({
      summary: "Only this wallet's hotkey, and whether its repository is public and unchanged",
    }),
    watch: Flags.boolean({ summary: 'Show it again at every block until Ctrl-C' }),
    all: Flags.boolean({ summary: `Every neuron, not only the first ${ROWS}` }),
    html: Flags.string({
      summary: 'Also write every neuron to this file, as a page to look at (none)',
      helpValue: 'FILE',
      exclusive: ['mine'],
    }),
    ...networkFlags,
    ...walletFlags,
    ...hubFlags,
    ...notifyFlag,
  };

  async run(): Promise<Printed<'status'>> {
    const { flags } = await this.parse(Status);
    const settings = await this.settings(flags);
    const place = await this.place(settings);
    const mine = flags.mine ?? false;
    const own = place.ownHotkey();
    const hotkey = await (mine ? own : own.catch(() => null));
    const { keepStanding, readStatus, standingOf } = await import('../load/index.ts');
    const { standingNotices } = await import('../notify/index.ts');
    const notifier = await this.notifier(flags.watch ? settings : { ...settings, notify: null });
    let before: Standing | null = null;
    for (;;) {
      const status = await readStatus({ hotkey, mine }, place);
      if (flags.watch) this.redraw();
      this.#show(status, flags.all ?? false);
      const hidden = await this.#sayHidden(place);
      const html =
        flags.html === undefined ? undefined : await this.#page(flags.html, status, settings.profile, place);
      const printed = statusOutput(status, hidden, html);
      const standing = standingOf(status);
      if (standing !== null) {
        await keepStanding(place, status.hotkey!, standing).catch(() => {}); // a history is worth no failure
        for (const notice of standingNotices(before, standing)) notifier.tell(notice);
        before = standing;
      }
      if (!flags.watch) return printed;
      this.printLine(printed);
      await (await place.chain()).waitForBlock(status.block + 1, this.signal);
    }
  }

  /** Repositories that a publish from here left private: what they held, perhaps what is being paid, is hidden. */
  async #sayHidden(place: Place): Promise<{ repo: string; since: string }[]> {
    const { hiddenRepositories, hiddenSteps, hiddenText } = await import('../publish/index.ts');
    const hidden = await hiddenRepositories(place, (await place.chain()).genesisHash);
    for (const journal of hidden) {
      this.warning(hiddenText(journal));
      this.nextSteps(hiddenSteps(journal.repo, place.hubEndpoint));
    }
    return hidden.map(({ repo, hidden }) => ({ repo, since: hidden?.since ?? '' }));
  }

  async #page(out: string, status: SubnetStatus, profile: string, place: Place): Promise<string> {
    const { writeSubnetPage } = await import('../report/index.ts');
    const file = await this.work(writeSubnetPage({ status, profile, out }, place));
    this.success(`Written to ${file}; open it in a browser: ${pathToFileURL(file).href}`);
    return file;
  }

  #show(status: SubnetStatus, all: boolean): void {
    const { neurons, block, netuid, hotkey, registered, retired } = status;
    const shown = all ? neurons : neurons.slice(0, ROWS);
    this.print(`Subnet ${netuid} at block ${block}`);
    this.table(
      [
        { title: 'uid', align: 'right' },
        { title: 'incentive', align: 'right' },
        { title: 'age (blocks)', align: 'right' },
        { title: 'model', narrow: 'under' },
        { title: 'hotkey', narrow: 'under' },
        ...(neurons.some((row) => row.repository !== undefined)
          ? [{ title: 'repository', narrow: 'under' as const }]
          : []),
      ],
      shown.map((row) => [
        row.uid,
        row.incentive.toFixed(4),
        describeAge(row, block),
        describeModel(row),
        row.hotkey === hotkey ? `${row.hotkey} (you)` : row.hotkey,
        describeRepository(row),
      ]),
    );
    if (shown.length < neurons.length) this.note(`${neurons.length - shown.length} more: pt status --all`);
    if (retired !== null) this.warning(retired);
    if (registered === false) {
      this.warning(`Your hotkey ${hotkey} is not registered on subnet ${netuid}.`);
      this.nextSteps([`btcli subnet register --netuid ${netuid}`]);
    }
    const limit = describeLimit(status);
    if (limit !== null) this.note(limit);
  }
}
