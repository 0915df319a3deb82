import { listCompetitions } from '../check/index.ts';
import { BLOCK, Flags, networkFlags, PtCommand } from '../cli/base.ts';
import type { Printed } from '../output/index.ts';
import type { Place } from '../place.ts';
import { type Competition, competitionLabel, isBound } from '../rules/index.ts';
import { formatCount, formatWhole } from '../text/format.ts';

export default class Competitions extends PtCommand {
  static override summary = 'Show what is allowed at a block, what it pays and what changes next';
  static override description =
    'What the validators of the profile apply at that block, which is what their release says; with --profile history, what mainnet held then over all releases.';
  static override examples = [
    '<%= config.bin %> competitions',
    '<%= config.bin %> competitions --profile history --block 3601190',
    '<%= config.bin %> competitions --at 2025-03-01 --profile 6.0',
  ];
  static override flags = {
    ...networkFlags,
    block: Flags.integer({
      summary: 'Ask about this block (now)',
      ...BLOCK,
      exclusive: ['at'],
    }),
    at: Flags.string({ summary: 'Ask about a date, YYYY-MM-DD, about a day off (now)' }),
  };

  async run(): Promise<Printed<'competitions'>> {
    const { flags } = await this.parse(Competitions);
    const settings = await this.settings(flags);
    const { constants, network } = settings;
    const place = await this.place(settings, flags.block ?? null);
    const list = listCompetitions(
      place.schedule,
      place.asked === 'history' ? null : place.profile,
      {
        block: flags.block ?? null,
        at: flags.at ?? null,
        competition: place.competition,
        chain: flags.block === undefined && flags.at === undefined ? await this.#chainBlock(place) : null,
      },
      constants.networks[network.name]?.block_anchor ??
        // Every schedule that is not a network's own speaks of mainnet's blocks.
        (constants.networks[network.name]?.schedule === place.schedule.name
          ? null
          : (constants.networks.finney?.block_anchor ?? null)),
    );
    this.note(
      `Block ${list.block}, profile ${place.asked}: rules since block ${list.fromBlock} (release ${list.release}).`,
    );
    this.table(
      [
        { title: 'competition' },
        { title: 'pays' },
        { title: 'parameters' },
        { title: 'GiB' },
        { title: 'sequence' },
        { title: 'dtype' },
        { title: 'tokenizer', narrow: 'under' },
        { title: 'epsilon', narrow: 'under' },
        { title: 'architectures', narrow: 'under' },
      ],
      list.competitions.map((c) => [
        competitionLabel(c),
        `${Math.round(c.reward_percentage * 100)}%`,
        parametersOf(c),
        isBound(c.max_bytes) ? (c.max_bytes / 2 ** 30).toFixed(2) : NO_LIMIT,
        c.sequence_length ?? '-',
        c.from_pretrained_kwargs.torch_dtype ?? 'as saved',
        c.tokenizer,
        c.epsilon.type === 'FixedEpsilon'
          ? c.epsilon.epsilon
          : `${c.epsilon.start_epsilon} → ${c.epsilon.end_epsilon} in ${formatWhole(c.epsilon.decay_blocks)} blocks`,
        c.allowed_architectures?.map((a) => a.replace(/(ForCausalLM|LMHeadModel)$/, '')).join(' ') ?? 'any',
      ]),
    );
    this.note(
      list.next
        ? `Next change at block ${list.next.fromBlock}${list.next.boundary === 'release' ? ' (about)' : ''}: ${list.next.changed.join('; ')}.`
        : 'No later change is known.',
    );
    this.nextSteps(['pt train', 'pt runs   # whose best models `pt check` judges']);
    return list;
  }

  /** The chain's block; null when it must not or cannot be asked, which is said. */
  async #chainBlock(place: Place): Promise<number | null> {
    if (!place.reachable) return null;
    try {
      return await (await place.chain()).block();
    } catch (error) {
      this.warning(`No chain: ${(error as Error).message} The newest rules of the schedule are shown.`);
      return null;
    }
  }
}

const NO_LIMIT = 'no limit';

function parametersOf({ min_model_parameters: min, max_model_parameters: max }: Competition): string {
  if (isBound(max)) return `${formatCount(min)}–${formatCount(max)}`;
  return min === 0 ? NO_LIMIT : `from ${formatCount(min)}`;
}
