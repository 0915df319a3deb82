/** How each kind of vector file is put to the code. Every function gives one case a test; none knows a particular case. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import { loadConstants } from '../../src/constants.ts';
import { PtError } from '../../src/errors.ts';
import {
  countShapes,
  countTensors,
  expectedShapes,
  hashEverything,
  memorySource,
  readHeader,
} from '../../src/model/index.ts';
import type { Contender, EpsilonRule, Profile, Release } from '../../src/rules/index.ts';
import * as rules from '../../src/rules/index.ts';

export interface Case {
  name: string;
  run: () => void | Promise<void>;
}

// biome-ignore lint/suspicious/noExplicitAny: vectors are read as they come; a wrong form fails the case
type Json = any;

const constants = loadConstants();
const PROFILES: Record<string, '3.2' | '6.0'> = { v3_2_0: '3.2', latest: '6.0' };

function profileOf(version: string): Profile {
  const name = PROFILES[version];
  if (!name) throw new Error(`unknown version ${version}`);
  return constants.profiles[name];
}

/** "Infinity", "-Infinity" and "NaN" stand for what JSON cannot hold. */
function number(value: Json): number {
  return typeof value === 'string' ? Number(value) : value;
}

function near(actual: number, expected: Json, relative: number, absolute = 0): void {
  const wanted = number(expected);
  if (Object.is(actual, wanted)) return;
  expect(Math.abs(actual - wanted), `${actual} is not ${wanted}`).toBeLessThanOrEqual(
    absolute + relative * Math.abs(wanted),
  );
}

function allNear(actual: number[], expected: Json[], relative: number, absolute: number): void {
  expect(actual.length).toBe(expected.length);
  for (const [i, value] of actual.entries()) near(value, expected[i], relative, absolute);
}

const KINDS: Record<string, (file: Json) => Case[]> = {
  model_id: modelId,
  directory_hash: directoryHash,
  hub_download: hubDownload,
  schedule,
  updater,
  norm_checks: normChecks,
  param_count: paramCount,
  safetensors_headers: safetensorsHeaders,
  wins,
  packing,
  reasonable_output: reasonableOutput,
  push,
};

/** The cases of a vector file. Throws for a schema that is not known here. */
export function casesOf(file: Json): Case[] {
  const kind = /^pt-vectors\/(\w+)\/1$/.exec(String(file?.schema))?.[1] ?? '';
  const make = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
  if (!make) throw new Error(`unknown vector file: schema ${JSON.stringify(file?.schema)}`);
  return make(file);
}

function modelId(file: Json): Case[] {
  return Object.entries<Json>(file.versions ?? {}).flatMap(([version, group]) => {
    const profile = profileOf(version);
    const encode = (group.encode ?? []).map(({ input, expect: wanted }: Json, i: number) => ({
      name: `${version} encode ${i}: ${JSON.stringify(input)}`,
      run: () => {
        const text = rules.formatCommitment(profile, {
          namespace: input.namespace,
          name: input.name,
          commit: input.commit,
          hash: input.hash,
          secureHash: input.secure_hash,
          competitionId: input.competition_id,
        });
        expect(text).toBe(wanted.compressed);
        expect(Buffer.byteLength(text)).toBe(wanted.bytes);
      },
    }));
    const decode = (group.decode ?? []).map((item: Json, i: number) => ({
      name: `${version} decode ${i}: ${JSON.stringify(item.input)}`,
      run: () => {
        const id = rules.parseCommitment(profile, item.input, item.default_competition_id);
        if (!item.expect.ok) {
          expect(id).toBeNull();
          return;
        }
        const fields: Json = { namespace: id?.namespace, name: id?.name, commit: id?.commit, hash: id?.hash };
        if ('secure_hash' in item.expect.fields) fields.secure_hash = id?.secureHash;
        if ('competition_id' in item.expect.fields) fields.competition_id = id?.competitionId;
        expect(fields).toEqual(item.expect.fields);
        expect(rules.formatCommitment(profile, id!)).toBe(item.expect.reencoded);
      },
    }));
    const repo = (group.validate_repo_id ?? []).map(({ input, expect: wanted }: Json) => ({
      name: `${version} repo id ${JSON.stringify(input)}`,
      run: () => {
        expect(rules.splitRepoId(profile, input)).toEqual(
          wanted.ok ? { namespace: wanted.namespace, name: wanted.name } : null,
        );
        // What we let a user publish is never more than what validators take.
        if (!wanted.ok) expect(() => rules.parseRepoId(profile, input)).toThrow(PtError);
      },
    }));
    return [...encode, ...decode, ...repo];
  });
}

function directoryHash(file: Json): Case[] {
  const onDisk = async (files: Record<string, Uint8Array>, empty: string[]): Promise<string> => {
    const dir = mkdtempSync(join(tmpdir(), 'pt-vectors-'));
    try {
      for (const path of empty) mkdirSync(join(dir, path), { recursive: true });
      for (const [path, bytes] of Object.entries(files)) {
        mkdirSync(dirname(join(dir, path)), { recursive: true });
        writeFileSync(join(dir, path), bytes);
      }
      return await hashEverything(dir);
    } finally {
      rmSync(dir, { recursive: true });
    }
  };
  const run = async (item: Json, files: Record<string, Uint8Array>): Promise<void> => {
    const order = rules.hashOrder(Object.keys(files));
    if (item.walk_order) expect(order).toEqual(item.walk_order);
    const hashes = order.map((path) => rules.hashOf(files[path]!));
    expect(Object.fromEntries(order.map((path, i) => [path, hashes[i]]))).toEqual(item.file_hashes);
    expect(rules.directoryHash(hashes)).toBe(item.directory_hash);
    expect(await onDisk(files, item.empty_dirs ?? [])).toBe(item.directory_hash);
  };
  const bytes = (content: Json): Uint8Array =>
    content.base64 === undefined ? Buffer.from(content.text) : Buffer.from(content.base64, 'base64');
  const generated = (size: number): Uint8Array =>
    Uint8Array.from({ length: size }, (_, j) => (j * 131 + Math.floor(j / 251) * 7) % 256);
  const each = <A, B>(of: Record<string, A>, make: (value: A) => B): Record<string, B> =>
    Object.fromEntries(Object.entries(of).map(([path, value]) => [path, make(value)]));
  return [
    ...(file.directories ?? []).map((item: Json) => ({
      name: item.name,
      run: () => run(item, each(item.files, bytes)),
    })),
    ...(file.generated ?? []).map((item: Json) => ({
      name: item.name,
      run: () => run(item, each<number, Uint8Array>(item.generated_files, generated)),
    })),
    ...(file.two_strings_cases ?? []).map((item: Json, i: number) => ({
      name: `two strings ${i}`,
      run: () => expect(rules.boundHash(item.string1, item.string2)).toBe(item.hash),
    })),
  ];
}

function hubDownload(file: Json): Case[] {
  /** The index a saver writes names the shards of a complete numbered set. */
  const indexOf = (names: string[]): Json => {
    const shards = names.filter((name) => {
      const total = Number(/^model-\d{5}-of-(\d{5})\.safetensors$/.exec(name)?.[1] ?? Number.NaN);
      const set = names.filter((other) =>
        other.endsWith(`-of-${String(total).padStart(5, '0')}.safetensors`),
      );
      return set.length === total;
    });
    return { weight_map: Object.fromEntries(shards.map((shard, i) => [`tensor.${i}`, shard])) };
  };
  return (file.cases ?? []).flatMap((item: Json) =>
    Object.keys(PROFILES)
      .filter((version) => item[version] && item.files)
      .map((version) => ({
        name: `${version} ${item.name}`,
        run: () => {
          const wanted = item[version];
          const files: Record<string, number> = (version === 'latest' && item.files_latest) || item.files;
          const names = Object.keys(files);
          const paths = new Set(names);
          const hashed = rules.hashedFiles(
            paths,
            {
              config: paths.has('config.json') ? { model_type: 'llama' } : null,
              index: indexOf(names),
              tokenizerConfig: paths.has('tokenizer_config.json')
                ? { tokenizer_class: 'PreTrainedTokenizerFast' }
                : null,
            },
            profileOf(version),
          );
          const loads =
            hashed.includes('config.json') && hashed.some((path) => path.endsWith('.safetensors'));
          expect(loads).toBe(wanted.loaded);
          if (wanted.loaded) expect([...hashed].sort()).toEqual([...wanted.hashed_files].sort());
          const total = Object.values(files).reduce((a, b) => a + b, 0);
          const limit = { ...constants.schedules.schedule!.periods[0]!.competitions[0]!, max_bytes: total };
          expect(rules.checkBytes(total, limit).ok).toBe(true);
          expect(rules.checkBytes(total, { ...limit, max_bytes: total - 1 }).ok).toBe(false);
        },
      }))
      .concat(
        item.files
          ? []
          : [
              {
                name: `${item.name}: not there, so nothing loads`,
                run: () =>
                  expect(
                    rules.hashedFiles(
                      new Set(),
                      { config: null, index: null, tokenizerConfig: null },
                      profileOf('latest'),
                    ),
                  ).toEqual([]),
              },
            ],
      ),
  );
}

function releaseOf(tag: string, commit: string): Release {
  const found = constants.releases.find(
    (r) => r.commit === commit && (r.tag === tag || `v${r.release}` === tag),
  );
  if (!found) throw new Error(`no release ${tag} ${commit} in constants`);
  return found;
}

const TOKENIZERS: Record<string, string> = { DISTILGPT_2: 'distilgpt2', GPT_4_TIKTOKEN: 'Xenova/gpt-4' };
const DATASETS: Record<string, string> = {
  'Falcon/RefinedWeb': 'tiiuae/falcon-refinedweb',
  'HF/FineWebEdu2': 'HuggingFaceFW/fineweb-edu-score-2',
};

function schedule(file: Json): Case[] {
  const main = constants.schedules.schedule!;
  const periods = (file.unified ?? []).map((period: Json) => ({
    name: `unified from ${period.from_block}`,
    run: () => expect(rules.periodAt(main, period.from_block)).toEqual(period),
  }));
  const releases = (file.releases ?? []).map((item: Json) => ({
    name: `release ${item.release}`,
    run: () =>
      expect(
        constants.releases.find((r) => r.release === item.release && r.commit === item.commit)?.schedule,
      ).toEqual(item.schedule),
  }));
  const own = (file.releases ?? []).map((item: Json) => ({
    name: `release ${item.release} under its own name`,
    run: () => {
      const { periods } = rules.scheduleNamed(constants, item.release);
      expect(periods.map(({ from_block, competitions }) => ({ from_block, competitions }))).toEqual(
        item.schedule,
      );
    },
  }));
  const entryOf = (release: string, block: number) =>
    rules.scheduleNamed(constants, release).periods.find((p) => p.from_block === block)!.competitions;
  const disagreements = (file.disagreements ?? [])
    .filter((item: Json) => item.first_declared_by)
    .map(({ block, first_declared_by: [first, ...same], differing }: Json) => ({
      name: `disagreement at ${block}`,
      run: () => {
        for (const release of same) expect(entryOf(release, block)).toEqual(entryOf(first, block));
        for (const { releases: others, differs_in } of differing)
          for (const release of others) {
            const changes = rules.changesOf(entryOf(first, block), entryOf(release, block));
            const names = changes.map((text) => text.replace(/^competition (\w+): /, '$1:'));
            expect(names.sort()).toEqual(differs_in.toSorted());
          }
      },
    }));
  const criteria = (file.lookup_criteria ?? []).flatMap((group: Json) =>
    group.cases.map(({ block, expect: wanted }: Json) => ({
      name: `${group.release} criteria at ${block}`,
      run: () => {
        const release = releaseOf(group.release, group.commit);
        if (!wanted.ok) {
          expect(() => rules.releaseCompetitionsAt(release, block)).toThrow(PtError);
          return;
        }
        const [competition, ...others] = rules.releaseCompetitionsAt(release, block);
        const c = competition!;
        expect(others).toEqual([]);
        expect(c.max_model_parameters).toBe(wanted.max_model_parameters);
        expect(c.max_bytes).toBe(wanted.max_model_bytes);
        expect(c.sequence_length).toBe(wanted.sequence_length);
        expect(c.from_pretrained_kwargs.attn_implementation === 'flash_attention_2').toBe(wanted.optimized);
        expect(c.tokenizer).toBe(TOKENIZERS[wanted.tokenizer] ?? wanted.tokenizer);
        expect(c.allowed_architectures).toEqual(wanted.allowed_architectures);
        if (wanted.evaluation_dataset !== null)
          expect(c.primary_dataset).toBe(DATASETS[wanted.evaluation_dataset] ?? wanted.evaluation_dataset);
      },
    })),
  );
  const competitions = (file.lookup_competition ?? []).flatMap((group: Json) =>
    group.cases.map(({ competition_id: id, block, expect: wanted }: Json) => ({
      name: `${group.release} competition ${id} at ${block}`,
      run: () => {
        const release = releaseOf(group.release, group.commit);
        if (!wanted.ok) {
          expect(() => rules.releaseCompetitionsAt(release, block)).toThrow(PtError);
          return;
        }
        const c = rules.findCompetition(rules.releaseCompetitionsAt(release, block), id);
        expect(c !== null).toBe(wanted.found);
        if (!c) return;
        expect(c.reward_percentage).toBe(wanted.reward_percentage);
        expect(c.min_model_parameters).toBe(wanted.min_model_parameters);
        expect(c.max_model_parameters).toBe(wanted.max_model_parameters);
        expect(c.eval_block_delay).toBe(wanted.eval_block_delay);
        if (wanted.max_bytes !== null) expect(c.max_bytes).toBe(wanted.max_bytes);
        for (const [age, value] of Object.entries(wanted.epsilon_at_age ?? {}))
          expect(rules.epsilonAt(c.epsilon, block + Number(age), block)).toBe(value);
      },
    })),
  );
  const unified = (file.unified_lookup ?? []).map(({ block, expect: wanted }: Json) => ({
    name: `unified at ${block}`,
    run: () => {
      const { from_block, release } = rules.periodAt(main, block);
      expect({ from_block, release }).toEqual({ from_block: wanted.from_block, release: wanted.release });
      const actual = rules.competitionsAt(main, block);
      expect(actual.length).toBe(wanted.competitions.length);
      for (const [i, competition] of wanted.competitions.entries())
        expect(actual[i]).toMatchObject(competition);
    },
  }));
  return [...periods, ...releases, ...own, ...disagreements, ...criteria, ...competitions, ...unified];
}

function updater(file: Json): Case[] {
  return Object.keys(PROFILES).flatMap((version) =>
    (file[version] ?? []).map((item: Json) => ({
      name: `${version} ${item.name}`,
      run: () => {
        const profile = profileOf(version);
        const release = constants.releases.find((r) => r.release === profile.pretraining?.release)!;
        const chain =
          version === 'latest'
            ? item.chain_string
            : rules.formatCommitment(profile, {
                namespace: 'ns',
                name: 'm',
                commit: 'c'.repeat(40),
                hash: item.chain_hash,
              });
        const decision = rules.validator.decideUpdate(
          profile,
          (block) => rules.releaseCompetitionsAt(release, block),
          {
            id: item.no_metadata ? null : rules.parseCommitment(profile, chain),
            hotkey: item.hotkey,
            uploadBlock: item.upload_block,
            currentBlock: item.current_block ?? item.upload_block,
            contentHash: item.content_hash,
            repoBytes: item.repo_bytes,
            parameters: item.parameters,
            architecture: item.architecture,
            alreadyTracked: item.already_tracked,
            force: item.force,
          },
        );
        expect(decision.updated).toBe(item.expect.updated);
        expect(decision.sizeLimit).toBe(item.expect.size_limit_used);
        expect(decision.tracked).toBe(item.expect.tracked);
        // The reference raises for what is the miner's fault, and returns false for what may still change.
        const raised = !decision.updated && !['unchanged', 'too young'].includes(decision.reason);
        if (version === 'latest') expect(raised).toBe(item.expect.error !== undefined);
        if (item.expect.message_kind) expect(decision.reason).toBe(item.expect.message_kind);
      },
    })),
  );
}

function normChecks(file: Json): Case[] {
  return (file.cases ?? []).map((item: Json) => ({
    name: item.name,
    run: () => {
      const run = () => rules.validator.normsValid(item.layers, item);
      if (item.raises || typeof item.valid !== 'boolean') expect(run).toThrow(PtError);
      else expect(run()).toBe(item.valid);
    },
  }));
}

function paramCount(file: Json): Case[] {
  const scratch = file.default_scratch_model;
  return [
    ...(scratch
      ? [
          {
            name: `${scratch.architecture} from scratch`,
            run: () =>
              expect(countShapes(expectedShapes(scratch.architecture, scratch.config)!)).toBe(
                scratch.parameters,
              ),
          },
        ]
      : []),
    ...(file.cases ?? []).map((item: Json, i: number) => ({
      name: `${i} ${item.architecture}`,
      run: () => {
        const tensors = Object.entries<number[]>(item.safetensors_tensors).map(([name, shape]) => ({
          name,
          shape,
        }));
        const built = expectedShapes(item.architecture, item.config);
        expect(countTensors(tensors, item.architecture, item.config)).toBe(
          item.parameters_after_reload ?? item.parameters,
        );
        if (built) expect(countShapes(built)).toBe(item.parameters);
      },
    })),
  ];
}

function safetensorsHeaders(file: Json): Case[] {
  return (file.cases ?? []).map((item: Json) => ({
    name: item.name,
    run: async () => {
      const bytes = Buffer.from(item.base64, 'base64');
      const read = readHeader(memorySource(item.name, bytes));
      if (item.reference_accepts && !hasDuplicates(bytes)) await expect(read).resolves.toBeDefined();
      else await expect(read).rejects.toMatchObject({ code: 'safetensors.invalid' });
    },
  }));
}

/** Duplicates, which the reference takes, are to be refused: told by a parser that keeps the last of them. */
function hasDuplicates(bytes: Buffer): boolean {
  const json = bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE(0))).toString();
  let keys = 0;
  const kept = JSON.parse(json, (_, value) => {
    if (value && typeof value === 'object' && !Array.isArray(value)) keys += Object.keys(value).length;
    return value;
  });
  const written = json.match(/"(?:[^"\\]|\\.)*"\s*:/g)?.length ?? 0;
  return kept !== null && written !== keys;
}

function wins(file: Json): Case[] {
  const fixed = (version: string): EpsilonRule => ({
    type: 'FixedEpsilon',
    epsilon: file.constants[version].timestamp_epsilon,
  });
  const isWin = (file.iswin ?? []).flatMap((item: Json, i: number) => {
    const args = [
      number(item.loss_i),
      number(item.loss_j),
      number(item.block_i),
      number(item.block_j),
    ] as const;
    return [
      {
        name: `iswin ${i} v3_2_0`,
        run: () => expect(rules.isWin(...args, fixed('v3_2_0'), 0)).toBe(item.v3_2_0),
      },
      ...(item.latest ?? []).map((late: Json, k: number) => ({
        name: `iswin ${i} latest ${k}`,
        run: () => expect(rules.isWin(...args, late.epsilon, number(late.current_block))).toBe(late.result),
      })),
    ];
  });
  const epsilon = (file.epsilon ?? []).map((item: Json, i: number) => ({
    name: `epsilon ${i}`,
    run: () =>
      expect(rules.epsilonAt(item.epsilon, number(item.current_block), number(item.model_block))).toBe(
        item.value,
      ),
  }));
  const numbers = (map: Map<number, number>): Json =>
    Object.fromEntries([...map].map(([uid, value]) => [String(uid), value]));
  const old = (file.steps_v3_2_0 ?? []).map((item: Json) => ({
    name: `step v3_2_0 ${item.name}`,
    run: () => {
      const profile = profileOf('v3_2_0');
      const contenders: Contender[] = item.uids.map((uid: number) => ({
        uid,
        losses: item.losses[uid].map(number),
        block: number(item.blocks[uid]),
      }));
      const table = rules.winRates(
        contenders,
        fixed('v3_2_0'),
        0,
        profile.pretraining!.win_rate_without_opponents,
      );
      expect(numbers(table.wins)).toEqual(item.expect.wins);
      expect(numbers(table.winRates)).toEqual(item.expect.win_rate);
      const step = rules.validator.stepWeights(
        item.uids.map((uid: number) => table.winRates.get(uid)!),
        profile.pretraining!.temperature,
      );
      allNear(step, item.expect.step_weights, 1e-5, 1e-6);
      const average = rules.validator.averageFromZero(
        item.previous_weights,
        rules.validator.spread(item.uids, step, item.num_neurons),
        profile.pretraining!.alpha,
      );
      allNear(average, item.expect.weights_after_ema, 1e-5, 1e-6);
    },
  }));
  const late = (file.steps_latest ?? []).map((item: Json) => ({
    name: `step latest ${item.name}`,
    run: () => {
      const profile = profileOf('latest');
      const models = item.uids.map((uid: number) => ({
        uid,
        score: number(item.scores[uid]),
        block: number(item.blocks[uid]),
      }));
      const competitive = rules.competitiveSet(models, item.epsilon);
      expect(competitive).toEqual(item.expect.competitive_uids);
      const contenders: Contender[] = competitive.map((uid) => {
        const model = models.find((m: Json) => m.uid === uid)!;
        return { uid, losses: [model.score], block: model.block };
      });
      const table = rules.winRates(
        contenders,
        item.epsilon,
        item.current_block,
        profile.pretraining!.win_rate_without_opponents,
      );
      expect(numbers(table.wins)).toEqual(item.expect.wins);
      expect(numbers(table.winRates)).toEqual(item.expect.win_rate);
      expect(rules.topUid(table.winRates)).toBe(item.expect.top_uid_error ? null : item.expect.top_uid);
      if (!item.expect.step_weights) return;
      const step = rules.validator.stepWeights(
        item.uids.map((uid: number) => table.winRates.get(uid) ?? 0),
        profile.pretraining!.temperature,
      );
      allNear(step, item.expect.step_weights, 1e-5, 1e-6);
      const average = rules.validator.averageFromFirst(
        item.previous_weights,
        rules.validator.spread(item.uids, step, item.num_neurons),
        profile.pretraining!.alpha,
      );
      allNear(average, item.expect.competition_weights_after_ema, 1e-5, 1e-6);
    },
  }));
  const subnet = (file.subnet_weights_latest ?? []).map((item: Json, i: number) => ({
    name: `subnet weights ${i}`,
    run: () => {
      const recorded = new Map<number, number[]>(
        item.recorded.map((r: Json) => [
          r.id,
          rules.validator.averageFromFirst(null, r.weights, profileOf('latest').pretraining!.alpha),
        ]),
      );
      allNear(
        rules.validator.subnetWeights(
          item.competitions,
          recorded,
          item.num_neurons,
          item.min_weight_threshold,
        ),
        item.expect,
        1e-5,
        1e-6,
      );
    },
  }));
  return [...isWin, ...epsilon, ...old, ...late, ...subnet];
}

function packing(file: Json): Case[] {
  const packs = (file.packing ?? []).map((item: Json) => ({
    name: `packing ${item.name}`,
    run: () => {
      const args = [
        item.token_rows,
        item.eos_token_id,
        item.sequence_length,
        item.batch_size,
        item.truncate_to,
      ] as const;
      expect(rules.validator.packDocuments(...args)).toEqual(item.v3_2_0);
      expect(rules.validator.packDocuments(...args).batches).toEqual(item.latest_packed);
      expect(rules.validator.padDocuments(...args).batches).toEqual(item.latest_unpacked);
    },
  }));
  const losses = (file.loss ?? []).map((item: Json) => ({
    name: `loss ${item.name}`,
    run: () => {
      near(rules.validator.crossEntropy(item.logits, item.tokens), item.loss_packed, 1e-5);
      near(rules.validator.crossEntropy(item.logits, item.tokens), item.latest_average, 1e-5);
      near(
        rules.validator.crossEntropy(item.logits, item.tokens, item.pad_token_id),
        item.loss_unpacked_pad_masked,
        1e-5,
      );
    },
  }));
  const scores = (file.score_normalization_latest ?? []).map((item: Json, i: number) => ({
    name: `score ${i} ${item.method}`,
    run: () =>
      near(rules.validator.normaliseScore(number(item.score), item.method, item.ceiling), item.value, 1e-5),
  }));
  return [...packs, ...losses, ...scores];
}

function reasonableOutput(file: Json): Case[] {
  return (file.cases ?? []).map((item: Json) => ({
    name: item.name,
    run: () => expect(rules.validator.isReasonable(item.generated_1, item.generated_2)).toBe(item.reasonable),
  }));
}

/** Ours is run against the scripted answers; the last answer of a script repeats. */
function push(file: Json): Case[] {
  return Object.keys(PROFILES).flatMap((version) =>
    (file[version] ?? []).map((item: Json) => ({
      name: `${version} ${item.name}`,
      run: () => {
        const repo = item.options.repo ?? 'ns/m';
        const wanted = item.expect.events
          .filter(([kind]: Json) => kind === 'commit')
          .map(([, text]: Json) => text);
        const events: Json[] = [];
        let failed: unknown = null;
        let state: rules.PushState | null = null;
        try {
          const text = rules.commitmentFor(profileOf(version), {
            repo,
            commit: 'c'.repeat(40),
            contentHash: item.content_hash,
            hotkey: item.hotkey,
            useHotkeyInHash: item.options.hotkey === true,
            competitionId: wanted[0] ? Number(wanted[0].split(':')[4] ?? 0) : 0,
          });
          state = runPush(rules.startPush(text, item.options.vis === true), repo, item, events);
        } catch (error) {
          failed = error;
        }
        if (item.expect.result !== 'ok') {
          expect(failed).toBeInstanceOf(PtError);
          if (item.expect.events.length === 0) expect(events).toEqual([]);
          return;
        }
        expect(failed).toBeNull();
        expect(rules.nextStep(state!)).toBe('done');
        // The same string, never another; in the same order around the other steps; never sent more often.
        const sent = events.filter(([kind]) => kind === 'commit').map(([, text]) => text);
        expect(new Set(sent)).toEqual(new Set(wanted));
        expect(sent.length).toBeLessThanOrEqual(wanted.length);
        const kinds = (list: Json[]) => [
          ...new Set(list.map(([kind]) => kind).filter((k) => k !== 'uid_lookup')),
        ];
        expect(kinds(events)).toEqual(kinds(item.expect.events));
        const last = item.expect.events.at(-1);
        expect(events.at(-1)).toEqual(last);
      },
    })),
  );
}

function runPush(start: rules.PushState, repo: string, item: Json, events: Json[]): rules.PushState {
  const answer = (script: string[], at: number): string => script[Math.min(at, script.length - 1)]!;
  let state = start;
  let reads = 0;
  for (let step = rules.nextStep(state); step !== 'done'; step = rules.nextStep(state)) {
    if (step === 'upload') {
      events.push(['upload', repo]);
      state = rules.afterStep(state, { step });
    } else if (step === 'commit') {
      events.push(['commit', state.text]);
      state = rules.afterStep(state, { step, ok: answer(item.commit_attempts, state.sent) === 'ok' });
    } else if (step === 'readBack') {
      events.push(['read_back']);
      const found = answer(item.read_back, reads++);
      state = rules.afterStep(state, {
        step,
        found: found === 'raise' ? 'failed' : (found as 'same' | 'other' | 'none'),
      });
    } else {
      events.push(['visibility', repo, false]);
      state = rules.afterStep(state, { step });
    }
  }
  return state;
}
