/**
 * How the files of `vectors-live` are put to the code: what live subnets' own functions answered. Each subnet's names for its values are put
 * beside the profile's here; everything else comes from `constants/profiles/`.
 */
import { expect } from 'vitest';
import { findSealer, openSeal } from '../../src/bridge/index.ts';
import { fieldsOf } from '../../src/chain/commitments.ts';
import { readRuntime } from '../../src/chain/runtime.ts';
import { revealedOf } from '../../src/chain/store.ts';
import { loadConstants, profileNamed } from '../../src/constants.ts';
import { PtError } from '../../src/errors.ts';
import type { Field } from '../../src/profile-schema.ts';
import {
  blocksUntilBoundary,
  checkAgainst,
  checkAllowlist,
  checkDtypes,
  checkLocks,
  checkNames,
  duel,
  epsilonAt,
  type Fields,
  type Finding,
  globMatches,
  manifestOf,
  momentOf,
  openable,
  type Profile,
  pickRevealed,
  readText,
  requirementsProblem,
  revealedText,
  roundAfterBlocks,
  roundAt,
  safetensorsDigest,
  sampleIndices,
  sealShape,
  sealSize,
  sealsLeft,
  similarityOf,
  writeText,
} from '../../src/rules/index.ts';
import { createRuntime } from '../../src/sandbox/chain/metadata.ts';
import { pythonPattern } from '../../src/text/python.ts';
import { isObject, parseJson } from '../../src/text/strict-json.ts';
import type { Case } from './vector-cases.ts';

// biome-ignore lint/suspicious/noExplicitAny: vectors are read as they come; a wrong form fails the case
export type Json = any;

const constants = loadConstants();
const profileOf = (name: string): Profile => profileNamed(constants, name);

/** A case's operation: what ours gives for `in`; throwing or null is a refusal. */
type Operation = (item: Json, profile: Profile) => Json | Promise<Json>;

const FILES: Record<string, Record<string, Operation>> = {};

/** The cases of a live file; null for a file of another name. */
export function liveCasesOf(file: string, { cases }: Json): Case[] | null {
  const operations = FILES[file];
  if (operations === undefined) return null;
  return cases.map((item: Json) => ({
    name: item.id,
    run: async () => {
      const operation = operations[`${item.subnet}/${item.op}`] ?? operations[item.op];
      if (operation === undefined) throw new Error(`unknown operation ${item.subnet}/${item.op}`);
      const profile = Object.hasOwn(constants.profiles, item.subnet)
        ? profileOf(item.subnet)
        : profileOf('3.2');
      let value: Json = null;
      try {
        value = await operation(item, profile);
      } catch (error) {
        if (!isRefusal(error)) throw error;
      }
      const wanted = item.out.ok ? item.out.value : null;
      compare(value, wanted, item.tolerance);
    },
  }));
}

const isRefusal = (error: unknown): boolean =>
  error instanceof PtError ||
  (error instanceof Error && error.constructor.name === 'Unwritable') ||
  error instanceof RangeError;

/** Equal, but for what `tolerance` allows of numbers by their name. */
function compare(value: Json, wanted: Json, tolerance: Json): void {
  const plain = JSON.parse(JSON.stringify(value ?? null));
  if (tolerance === undefined) {
    expect(plain).toEqual(wanted);
    return;
  }
  const near = (mine: Json, theirs: Json, path: string): void => {
    const named = typeof tolerance === 'number' ? tolerance : tolerance[path.split('.').at(-1)!];
    // Whatever is not said of a value: the same to a few units in the last place.
    const allowed = typeof named === 'number' ? named : 1e-12;
    if (typeof theirs === 'number' && typeof mine === 'number')
      expect(Math.abs(mine - theirs), `${path}: ${mine} is not ${theirs}`).toBeLessThanOrEqual(
        allowed * Math.max(1, Math.abs(theirs)),
      );
    else if (Array.isArray(theirs)) {
      expect(mine?.length, path).toBe(theirs.length);
      for (const [i, each] of theirs.entries()) near(mine[i], each, `${path}.${i}`);
    } else if (theirs !== null && typeof theirs === 'object')
      for (const [key, each] of Object.entries(theirs))
        near(mine?.[key], each, path === '' ? key : `${path}.${key}`);
    else expect(mine, path).toEqual(theirs);
  };
  near(plain, wanted, '');
}

/** The subnets' names for the profile's fields, as their functions take and give them. */
const NAMES: Record<string, Record<string, string>> = {
  teutonic: { digest: 'pin' },
  albedo: { digest: 'pin' },
  affine: { revision: 'pin', model: 'repo' },
  resi: { hash: 'sha256', hf_repo_id: 'repo', model_hash: 'sha256' },
  connito: {
    hf_repo_id: 'repo',
    hf_revision: 'pin',
    signed_model_hash: 'signed_hash',
    b: 'block',
    e: 'expert_group',
    m: 'signed_hash',
    h: 'model_hash',
    v: 'global_ver',
    i: 'inner_opt',
    r: 'repo',
    rv: 'pin',
  },
  'cancer-ai': { filename: 'file', hash: 'sha256' },
  finetuning: { namespace: 'repo_ns', name: 'repo_name', competition_id: 'competition', commit: 'pin' },
  coldint: { namespace: 'repo_ns', name: 'repo_name', commit: 'pin' },
  dippy: {
    namespace: 'repo_ns',
    name: 'repo_name',
    chat_template: 'template',
    hash: 'id_hash',
    competition_id: 'competition',
  },
};

const toFields = (subnet: string, values: Json): Fields =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [NAMES[subnet]?.[name] ?? name, value]));

/** Values by the subnet's names, null where the text has none. */
const named = (subnet: string, names: string[], fields: Fields): Json =>
  Object.fromEntries(names.map((name) => [name, fields[NAMES[subnet]?.[name] ?? name] ?? null]));

const read = (profile: Profile, text: string, strict = false): Fields | null => {
  const found = readText(profile.commit.format, text, strict);
  return found.kind === 'read' ? found.fields : null;
};

const format: Operation = ({ subnet, in: values }, profile) =>
  writeText(profile.commit.format, toFields(subnet, values));

const parse =
  (...names: string[]): Operation =>
  ({ subnet, in: text }, profile) => {
    const fields = read(profile, text);
    return fields && named(subnet, names, fields);
  };

const reveals = (rows: Json) => rows.map(([block, text]: [number, string]) => ({ block, text }));

/** Rows of the chain as a client hands them over: hex, or bytes as Latin-1. */
const decodedRows = (rows: Json): { hotkey: string; revealed: { block: number; text: string }[] }[] =>
  rows.map(([hotkey, entries]: [string, Json]) => ({
    hotkey,
    revealed: entries.flatMap(([text, block]: [string, number]) => {
      const found = revealedText(
        /^0x/i.test(text) ? Buffer.from(text.slice(2), 'hex') : Buffer.from(text, 'latin1'),
      );
      return found === null ? [] : [{ block, text: found }];
    }),
  }));

const evolaiFields = (metadata: Json): Fields => ({
  ...(metadata.transformer
    ? { repo: metadata.transformer.model_name, pin: metadata.transformer.revision }
    : {}),
  ...(metadata.mamba2
    ? { mamba2_repo: metadata.mamba2.model_name, mamba2_pin: metadata.mamba2.revision }
    : {}),
});

FILES['live_commitments.json'] = {
  'teutonic/format v4': format,
  'teutonic/parse v4': ({ in: text }, profile) => {
    const fields = read(profile, text);
    return fields && [{ repo: fields.repo, digest: fields.pin }, fields.hotkey];
  },
  'teutonic/scan': ({ in: { rows, owner, min_block } }, profile) =>
    decodedRows(rows)
      .flatMap(({ hotkey, revealed }) =>
        pickRevealed({ ...profile, limits: { ...profile.limits, min_block: min_block + 1 } }, revealed)?.map(
          ({ block, fields }) => ({
            hotkey,
            coldkey: owner,
            block,
            model_repo: fields.repo,
            model_digest: fields.pin,
          }),
        ),
      )
      .sort((a, b) => a!.block - b!.block),
  'albedo/format v7': format,
  'albedo/parse (local check)': ({ in: text }, profile) => {
    const fields = read(profile, text, true);
    return (
      fields && {
        ref: {
          repo: fields.repo,
          digest: fields.pin,
          backend: String(fields.pin).startsWith('sha256:') ? 'hippius' : 'hf',
        },
      }
    );
  },
  'albedo/parse (chain reader)': ({ in: text, hotkey }, profile) => {
    const fields = read(profile, text);
    return (
      fields && {
        version: 'v7',
        repo: fields.repo,
        digest: fields.pin,
        author_hotkey: hotkey,
        spoofed: false,
      }
    );
  },
  'albedo/scan': ({ in: { rows, start_block, registered } }, profile) =>
    decodedRows(rows).flatMap(({ hotkey, revealed }) =>
      registered.includes(hotkey)
        ? pickRevealed({ ...profile, limits: { ...profile.limits, min_block: start_block } }, revealed)?.map(
            ({ block, fields }) => ({ hotkey, block, model_uri: `${fields.repo}@${fields.pin}` }),
          )
        : [],
    ),
  'affine/format json': ({ in: values, subnet }, { commit }) => ({
    data: writeText(commit.format, toFields(subnet, values)),
    blocks: commit.mode === 'timelock' ? commit.blocks : null,
  }),
  'affine/read latest': ({ in: rows }, profile) => {
    const picked = pickRevealed(profile, reveals(rows))?.[0];
    return picked
      ? {
          uid: 1,
          hotkey: '5HHBfPr8QwPLt3zZRNbF49FE8vd361uY3pUMqYbDMSmHSxTw',
          model: picked.fields.repo,
          revision: picked.fields.pin,
          block: picked.block,
        }
      : null;
  },
  'cascade/format metro-v1': ({ in: ref }, profile) => {
    const [repo, ...pin] = ref.split('@');
    return writeText(profile.commit.format, { repo, pin: pin.join('@') });
  },
  'cascade/parse metro-v1': ({ in: text }, profile) => {
    const fields = read(profile, text);
    return fields && { ref: `${fields.repo}@${fields.pin}` };
  },
  'cascade/resolve': ({ in: { commitments, cutoff_block, floor_block } }, profile) => {
    const hotkeys = [...new Set<string>(commitments.map((each: Json) => each.hotkey))];
    return hotkeys.flatMap((hotkey) => {
      const own = commitments.filter((each: Json) => each.hotkey === hotkey);
      const revealed = own
        .map((each: Json) => ({ block: each.commit_block, text: each.payload }))
        .filter(({ block }: Json) => cutoff_block === null || block < cutoff_block);
      return pickRevealed(
        { ...profile, limits: { ...profile.limits, min_block: floor_block } },
        revealed,
      )!.map(({ block, fields }) => ({
        hotkey,
        uid: own[0].uid,
        ref: `${fields.repo}@${fields.pin}`,
        reveal_block: block,
      }));
    });
  },
  'evolai/format json': ({ in: metadata }, profile) =>
    writeText(profile.commit.format, evolaiFields(metadata)),
  'evolai/parse json': ({ in: text }, profile) => {
    const fields = read(profile, text);
    const track = (name: string, repo: string, pin: string) =>
      fields !== null && Object.hasOwn(fields, repo)
        ? { [name]: { model_name: fields[repo], revision: fields[pin] } }
        : {};
    return (
      fields && {
        ...track('transformer', 'repo', 'pin'),
        ...track('mamba2', 'mamba2_repo', 'mamba2_pin'),
        version: Object.hasOwn(fields, 'version') ? fields.version : '1.0',
      }
    );
  },
  'resi/format json': format,
  'resi/parse revealed': (item, profile) => {
    const fields = read(profile, item.in);
    return (
      fields && {
        hotkey: '5HHBfPr8QwPLt3zZRNbF49FE8vd361uY3pUMqYbDMSmHSxTw',
        ...named('resi', ['hf_repo_id', 'model_hash'], fields),
        block_number: 100,
      }
    );
  },
  'connito/format json': ({ in: values, subnet }, profile) => {
    const fields = toFields(subnet, values);
    const text = writeText(profile.commit.format, fields);
    const { repo } = fields;
    if (
      Buffer.byteLength(text) > profile.commit.max_bytes! ||
      (typeof repo === 'string' && [...repo].length > profile.repo.max_chars!)
    )
      throw new RangeError('too long');
    return text;
  },
  'connito/parse json': parse(
    'block',
    'expert_group',
    'signed_model_hash',
    'model_hash',
    'global_ver',
    'inner_opt',
    'hf_repo_id',
    'hf_revision',
  ),
  'cancer-ai/format colon': format,
  'cancer-ai/parse colon': ({ in: text }, profile) => {
    const fields = read(profile, text);
    return (
      fields && {
        competition_id: fields.competition,
        hf_repo_id: fields.repo,
        hf_model_filename: fields.file,
        hf_repo_type: 'model',
        hf_code_filename: String(fields.file).replace(/onnx$/, 'zip'),
        block: null,
        model_hash: fields.sha256,
      }
    );
  },
  'finetuning/format colon': format,
  'finetuning/parse colon': ({ in: text }, profile) => {
    const fields = read(profile, text);
    const names = ['namespace', 'name', 'commit', 'hash', 'secure_hash'];
    return fields && { ...named('finetuning', names, fields), competition_id: fields.competition ?? 0 };
  },
  'coldint/format colon': ({ in: values, subnet }, profile) => {
    const known = ['namespace', 'name', 'commit', 'hash', 'competition'];
    if (Object.keys(values).some((name) => !known.includes(name))) throw new RangeError('another field');
    return writeText(profile.commit.format, toFields(subnet, values));
  },
  'coldint/parse colon': parse('namespace', 'name', 'commit', 'hash', 'competition'),
  'dippy/format colon': format,
  'dippy/parse colon': parse('namespace', 'name', 'chat_template', 'hotkey', 'hash', 'competition_id'),
  'resi/parse plain hex': ({ in: text }, profile) => {
    // What the plain store hands over is hex always; no text of JSON is.
    const fields = /^(?:0x)?(?:[0-9a-f]{2})+$/i.test(text) ? read(profile, text) : null;
    return (
      fields && {
        hotkey: '5HHBfPr8QwPLt3zZRNbF49FE8vd361uY3pUMqYbDMSmHSxTw',
        ...named('resi', ['hf_repo_id', 'model_hash'], fields),
        block_number: 100,
      }
    );
  },
};

const elementPick =
  (profileName: string, give: (picked: Json) => Json): Operation =>
  ({ in: given, op }) => {
    const { reveals: rows, element } = Array.isArray(given)
      ? { reveals: given, element: /\S+$/.exec(op)![0] }
      : given;
    const picked = pickRevealed(
      profileOf(profileName),
      reveals(rows),
      element === null ? {} : { element_id: element },
    );
    return picked && give(picked[0] ?? null);
  };

const withObject = (picked: Json): Json =>
  picked === null ? [null, null, null] : [picked.block, picked.text, JSON.parse(picked.text)];
FILES['live_commitments.json']['turbovision/pick for element 7'] = elementPick('turbovision', withObject);
FILES['live_commitments.json']['turbovision/pick for element'] = elementPick('turbovision', withObject);
FILES['live_commitments.json']['turbovision/pick private'] = elementPick('turbovision-private', (picked) =>
  picked === null ? [null, null] : [picked.block, JSON.parse(picked.text)],
);

/** NaN and infinities, which JSON lacks. */
const asFloat = (value: number): Json =>
  Number.isFinite(value) ? value : { float: String(value).toLowerCase() };
const six = (value: number): number => duel.rounded(value, 6);
/** The values that the case tells, of more that there are. */
const told = (all: Json, wanted: Json): Json =>
  Object.fromEntries(Object.keys(wanted ?? all).map((key) => [key, all[key]]));

FILES['live_duels.json'] = {
  'teutonic/paired bootstrap': ({ in: given }) => {
    const rule = {
      alpha: given.alpha,
      delta: given.delta_threshold,
      B: given.n_bootstrap,
      seed: given.bootstrap_seed,
    };
    const { wins, mean, bound, n } = duel.pairedDuel(given.king_losses, given.challenger_losses, rule);
    return {
      accepted: wins,
      verdict: wins ? 'challenger' : 'king',
      mu_hat: six(mean),
      lcb: six(bound),
      delta: rule.delta,
      delta_threshold: rule.delta,
      alpha: rule.alpha,
      n_bootstrap: rule.B,
      n_sequences: n,
      avg_king_loss: six(duel.meanOf(given.king_losses)),
      avg_challenger_loss: six(duel.meanOf(given.challenger_losses)),
    };
  },
  'albedo/margin': ({ in: { challenger, king, margin } }) => duel.beatsByMargin(challenger, king, margin),
  'albedo/aggregate': ({ in: { records, min_valid_fraction }, out }, { duel: rule }) => {
    const margin = rule.kind === 'mean_margin' ? rule.margin : Number.NaN;
    const samples = records.map((each: Json) => ({
      scored: Boolean(each.scored),
      challenger: each.challenger_score,
      king: each.king_score,
    }));
    const verdict = duel.marginDuel(samples, { margin, valid_share: min_valid_fraction });
    const results = (each: Json): Json[] => each.judge_results ?? [];
    const errors = records.flatMap(results).filter((each: Json) => !each.parse_ok).length;
    const valid = records.filter((each: Json) => each.scored).flatMap(results);
    const ours = valid.filter((each: Json) => each.side === 'challenger');
    const judges = [
      ...new Set<string>(ours.filter((each: Json) => each.parse_ok).map((each: Json) => each.judge_model)),
    ].sort();
    const rates = judges.flatMap((judge) => {
      const of = ours.filter(
        (each: Json) => each.judge_model === judge && each.yes_rate !== null && each.yes_rate !== undefined,
      );
      const mean = of.reduce((sum: number, each: Json) => sum + each.yes_rate, 0) / of.length;
      return of.length === 0 ? [] : [[judge, six(mean)]];
    });
    const done = verdict.wins !== null;
    const share = Math.round(min_valid_fraction * 100);
    const all = {
      state: done ? 'succeeded' : 'failed',
      score_challenger: verdict.challenger,
      score_king: verdict.king,
      challenger_won: verdict.wins,
      required_win_margin: margin,
      valid_turns: verdict.valid,
      total_turns: verdict.total,
      judge_errors: errors,
      scored_sample_count: verdict.valid,
      by_judge: Object.fromEntries(rates),
      by_metric: {},
      scoring_mode: 'binary',
      fault_class: done ? null : 'PROVIDER_FAULT',
      fault_code: done ? null : 'scoring_invalid',
      fault_message: done ? null : `Only ${verdict.valid}/${verdict.total} samples valid (< ${share}%)`,
      retryable: done ? null : true,
    };
    return told(all, out.value);
  },
  'affine/window comparison': ({ in: given }, { duel: rule }) => {
    const additive = (rule.kind === 'pareto_envs' && rule.tolerances) || {};
    const environments = Object.fromEntries(
      Object.entries<Json>(given.envs).map(([name, env]) => [
        name,
        {
          margin: env.margin,
          min_samples: env.min_tasks_per_env,
          tolerance: env.not_worse_tolerance ?? 0,
          absolute: name in additive ? (env.additive_margin ?? additive[name]!) : null,
        },
      ]),
    );
    const { wins, environments: rows } = duel.paretoDuel(
      given.champion,
      given.challenger,
      environments,
      given.min_dominant_envs,
    );
    const worse = rows.filter(({ verdict }) => verdict === 'worse').length;
    return {
      winner: wins ? 'challenger' : 'champion',
      dominant: rows.filter(({ verdict }) => verdict === 'dominant').length,
      not_worse: rows.length - worse,
      worse,
      per_env: rows.map(({ name, verdict, champion, challenger }) => ({
        env: name,
        verdict,
        champion_avg: champion,
        challenger_avg: challenger,
      })),
    };
  },
  'cascade/seed from block hash': ({ in: hash }) => String(duel.seedOfBlock(hash)),
  'cascade/margin by tenure': ({ in: { tenure, params } }) => duel.marginAt(windowRule(params), tenure),
  'cascade/koth round': ({ in: given }) => {
    const verdict = duel.windowDuel(given.king, given.challenger, windowRule(given.params), {
      seed: given.seed,
      tenure: given.king_tenure_rounds,
    });
    return {
      challenger_wins_round: verdict.wins,
      lcb: asFloat(verdict.bound),
      margin: verdict.margin,
      n_windows: verdict.n,
      king_geomean: asFloat(verdict.king),
      chal_geomean: asFloat(verdict.challenger),
      inconclusive: verdict.inconclusive,
      n_clusters: verdict.clusters,
      win_rate: verdict.share,
    };
  },
  'resi/winner': ({ in: { rows, threshold } }) => {
    const scored = rows.flatMap(([name, score, block, ok]: Json) => (ok ? [{ name, score, block }] : []));
    const found = duel.earliestNearBest<{ name: string; score: number; block: number }>(scored, threshold);
    return found && { winner: found.winner.name, best_score: found.best };
  },
  'finetuning/epsilon': ({ in: { start, end, decay_blocks, model_block, current_block } }) =>
    epsilonAt(
      { type: 'LinearDecay', start_epsilon: start, end_epsilon: end, decay_blocks },
      current_block,
      model_block,
    ),
  'coldint/wins': ({ in: given }) => {
    const found = duel.advantageWins(
      new Map(Object.entries(given.losses)),
      new Map(Object.entries(given.blocks)),
      given.current_block,
      {
        initial: given.advantage_initial,
        decay: given.advantage_decay_per_epoch,
        per_blocks: given.blocks_per_epoch,
      },
    );
    const of = (name: 'wins' | 'share' | 'lowest' | 'factor') =>
      Object.fromEntries([...found].map(([uid, each]) => [uid, each[name]]));
    if (found.size === 0) return {};
    const wins = Object.fromEntries(Object.keys(given.losses).map((uid) => [uid, found.get(uid)?.wins ?? 0]));
    const share = (name: 'share' | 'lowest') =>
      Object.fromEntries(Object.keys(given.losses).map((uid) => [uid, found.get(uid)?.[name] ?? 0]));
    return { wins, win_rate: share('share'), win_abs_rate: share('lowest'), advantage_factors: of('factor') };
  },
};

const windowRule = (params: Json) => ({
  margin_start: params.win_margin_start,
  margin_end: params.win_margin_end,
  margin_rounds: params.margin_warmup_rounds,
  min_n: params.min_windows,
  min_clusters: params.min_clusters,
  B: params.bootstrap_B,
  alpha: params.bootstrap_alpha,
});

const findingsOk = (findings: Finding[]): boolean => findings.every(({ ok }) => ok !== false);
const sha256Of = (paths: string[], changed: Json = {}): Map<string, string> =>
  new Map(paths.map((path) => [path, changed[path] ?? `same:${path}`]));
const KINDS: [RegExp, string][] = [
  [/^architecture$/, 'architecture'],
  [/^lock:/, ''],
  [/^custom_code$/, 'custom_code'],
  [/^layout$/, 'layout'],
];

FILES['live_locks.json'] = {
  'teutonic/config and files': ({ in: { king, config, files, hashes } }, profile) => {
    const theirs = { config: king, paths: [], sha256: sha256Of(profile.files.code ?? []) };
    const findings = checkAgainst({ config, paths: files, sha256: sha256Of(files, hashes) }, theirs, profile);
    const first = findings.find(({ ok }) => ok === false) ?? null;
    const kind = first && (KINDS.find(([pattern]) => pattern.test(first.rule))?.[1] || first.rule);
    return { accepted: first === null, kind };
  },
  'teutonic/safetensors digest': ({ in: digests }) => safetensorsDigest(digests),
  'albedo/config lock': ({ in: { seed, config, lock_keys } }, profile) => {
    const forbidden = (profile.config?.forbid_keys ?? []).some((key) => Object.hasOwn(config, key));
    return { accepted: !forbidden && findingsOk(checkLocks(config, seed, profile, lock_keys)) };
  },
  'albedo/file manifest (live validator)': ({ in: files }, profile) => {
    const { missing, forbidden, extras } = manifestOf(files, profile);
    return { accepted: [missing, forbidden, extras].every(({ length }) => length === 0) };
  },
  'albedo/file manifest (local check)': ({ in: files }, profile) => {
    const allow = profile.files.allow?.filter((name) => name !== 'LICENSE');
    const found = manifestOf(files, { ...profile, files: { ...profile.files, allow } });
    return { accepted: Object.values(found).every(({ length }) => length === 0), ...found };
  },
  'albedo/weight dtypes by shard': ({ in: shards }, profile) => ({
    accepted: findingsOk(checkDtypes(Object.values<string[]>(shards).flat(), profile)),
  }),
  'albedo/similarity': ({ in: { a, b, threshold } }) => {
    const print = (of: Json) => ({
      keys: of.layer_keys,
      samples: of.tensor_samples ?? [],
      norms: of.norm_vector ?? [],
    });
    const similarity = similarityOf(print(a), print(b));
    return { similarity, duplicate: similarity >= threshold };
  },
  'albedo/sample indices': ({ in: { key, n, k } }) => sampleIndices(key, n, k),
  'affine/config allowlist': ({ in: { config, allowed_types } }, profile) => {
    const allow = profile.config?.allow?.filter(
      ({ model_type: type }) => allowed_types === null || allowed_types.includes(type),
    );
    const bad = checkAllowlist(config, { ...profile, config: { ...profile.config!, allow } }).find(
      ({ ok }) => ok === false,
    );
    return { pass: bad === undefined, kind: bad?.rule ?? null };
  },
  'cascade/repository': ({ in: { files, max_repo_mb } }, profile) => {
    const paths = Object.keys(files);
    const { missing, forbidden } = manifestOf(paths, profile);
    const pickles = ['*.bin', '*.pt', '*.pth', '*.ckpt', '*.pkl', '*.pickle', '*.joblib', '*.dill'];
    const named = forbidden.filter((path) => pickles.some((glob) => globMatches(glob, path)));
    const layout =
      missing.length > 0
        ? 'missing_files'
        : named.length > 0
          ? 'pickle_weights_forbidden'
          : forbidden.length > 0
            ? 'weight_files_forbidden'
            : null;
    const bytes = Object.values<string>(files).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    const said = (reason: string | null) => ({ ok: reason === null, reason });
    return {
      check_repo_layout: said(layout),
      check_config: said(configProblem(files['config.json'])),
      check_repo_size: said(bytes > max_repo_mb * 1024 * 1024 ? 'repo_too_large' : null),
    };
  },
  'cascade/requirements': ({ in: { text, allowed, max_packages } }) => {
    const reason =
      text === null ? 'missing_requirements' : requirementsProblem(text, { allowed, most: max_packages });
    return { ok: reason === null, reason };
  },
};

function configProblem(text: string | undefined): string | null {
  if (text === undefined) return 'missing_config_json';
  try {
    return isObject(parseJson(text, { python: true })) ? null : 'config_json_not_object';
  } catch {
    return 'config_json_invalid';
  }
}

/** What teutonic's intake takes of each in turn; the state that its own function ran with. */
const KING = '5EcvWJWH2Sf4z8YbkFBKQM9us3qM5xGksFLpVi817ivpBNjY';

FILES['live_repo_rules.json'] = {
  pattern: ({ in: { repo, pattern }, subnet }, profile) => {
    const matches = pythonPattern(pattern).test(repo);
    if (subnet !== 'albedo') return matches;
    const field = fieldNamed(profile, 'repo');
    return { valid_ref: pythonPattern(field!.write!).test(repo), pattern: matches };
  },
  'teutonic/coldkey token in repo': ({ in: { repo, coldkey } }, profile) =>
    findingsOk(checkNames(repo, { hotkey: '', coldkey }, profile, 9_000_000)),
  'teutonic/intake queue': ({ in: rows }, profile) => {
    const seen = new Set<string>();
    const digests = new Set<string>();
    const queued = new Set<string>();
    return rows.map(({ hotkey, model_repo, model_digest, block }: Json) => {
      const late = block >= (profile.limits.min_block ?? 0);
      const ok =
        late && hotkey !== KING && !seen.has(hotkey) && !digests.has(model_digest) && !queued.has(model_repo);
      if (ok) queued.add(model_repo);
      return ok;
    });
  },
  'affine/validate miner': ({ in: given }, profile) => {
    const no = (reason: string | null, permanent: boolean) => ({ valid: reason === null, reason, permanent });
    const { uid, hotkey, model, block } = given;
    if (uid === 0) return no(null, false);
    const count = given.count ?? given.commit_count;
    // The rule counts from the block of the reveal that is judged, and the first is free.
    if (!sealsLeft(profile, count - 1, block)) return no('multiple_commits', true);
    const bad = checkNames(model, { hotkey, coldkey: null }, profile, block).find(({ ok }) => ok === false);
    if (bad)
      return no(
        bad.rule === 'repo_word' ? 'model_name_missing_affine' : 'repo_name_not_ending_with_hotkey',
        true,
      );
    if (given.unsafe) return no('malicious_template', true);
    return no(null, false);
  },
  'affine/same weights': ({ in: rows }) =>
    rows.map(([uid, block, hash]: Json, i: number) => {
      if (uid === 0 || uid > 1000) return true;
      return !rows.some(
        ([other, earlier, same]: Json, j: number) =>
          j !== i &&
          other !== 0 &&
          other <= 1000 &&
          same === hash &&
          hash &&
          (earlier < block || (earlier === block && j < i)),
      );
    }),
};

const fieldNamed = (profile: Profile, name: string) => {
  const { format } = profile.commit;
  const parts = format.kind === 'join' ? format.parts : [];
  return parts.find(
    (part): part is Field => typeof part === 'object' && 'name' in part && part.name === name,
  );
};

const beacon = { public_key: '', genesis: 1_692_803_367, period: 3 };
const bytesIn = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.replace(/^0x/, ''), 'hex'));
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Text of what a client hands over: hex, or bytes as Latin-1; null where it is neither. */
function decoded(payload: Json): string | null {
  if (typeof payload !== 'string') return null;
  if (/^0x/i.test(payload))
    return /^0x(?:[0-9a-f]{2})+$/i.test(payload) ? revealedText(bytesIn(payload.slice(2))) : null;
  return revealedText(Buffer.from(payload, 'latin1'));
}

let sealer: Promise<string> | undefined;
const open = async (encrypted: Uint8Array, round: number, signature: string) => {
  sealer ??= (async () => {
    const finding = findSealer(process.env);
    for (;;) {
      const next = await finding.next();
      if (next.done) return next.value;
    }
  })();
  return openSeal(await sealer, { encrypted, round, signature });
};

/** What the pallet of either generation makes of a seal's bytes, once its round is known. */
async function bothRules(bytes: Uint8Array, round: number, signature: string) {
  const by = async (rules: 'old' | 'new') => {
    const inner = openable(bytes, rules);
    if (inner === null) return { ok: false, error: 'CiphertextDeserialize' };
    const found = await open(inner, round, signature);
    if ('error' in found)
      return { ok: false, error: /deserial/i.test(found.error) ? 'CiphertextDeserialize' : 'Decrypt' };
    return { ok: true, plain: hexOf(found.plaintext) };
  };
  return { old_rules: await by('old'), new_rules: await by('new') };
}

const chain = readRuntime(createRuntime('current', 12_000).v15);

FILES['live_timelock.json'] = {
  'teutonic/validator decode': ({ in: [hotkey, rows] }) => {
    const texts = rows.map(([payload, block]: Json) => [block, decoded(payload)]);
    return texts.some(([, text]: Json) => text === null) ? null : [hotkey, texts];
  },
  'cascade/validator decode': ({ in: rows }) =>
    (rows ?? []).flatMap(([payload, block]: Json) => {
      const text = decoded(payload);
      return text === null ? [] : [[text, block]];
    }),
  'turbovision/validator decode': ({ in: payload }) => {
    const text = String(payload ?? '');
    const hex = text.replace(/^0x/, '');
    if (/^(?:[0-9a-f]{2})+$/i.test(hex)) return revealedText(bytesIn(hex)) ?? '';
    return text === '' || /^[[{]/.test(text) ? text : text.slice([1, 2, 4, 4][text.charCodeAt(0) & 3]);
  },
  'cascade/blocks until reveal before the boundary': ({ in: given }) =>
    blocksUntilBoundary(
      given.current_block,
      { epoch_blocks: given.epoch_blocks, margin: given.margin_blocks },
      given.next_epoch,
    ),
  'chain/open seal': async ({ in: { sent, round, signature, envelope }, out }) => {
    const both = await bothRules(bytesIn(sent), round, signature);
    const wrapped = await bothRules(bytesIn(envelope), round, signature);
    const { plain = null } = both.old_rules as { plain?: string };
    const all = {
      revealed: plain,
      text: plain === null ? null : revealedText(bytesIn(plain)),
      sent_bytes: bytesIn(sent).length,
      ...both,
      envelope_old_rules: wrapped.old_rules,
      envelope_new_rules: wrapped.new_rules,
    };
    return told(all, out.value);
  },
  'chain/open damaged seal': async ({ in: { sent, round, signature } }) => ({
    shape: sealShape(bytesIn(sent)),
    ...(await bothRules(bytesIn(sent), round, signature)),
  }),
  'chain/open with signature': async ({ in: { sent, signature, round } }) =>
    (await bothRules(bytesIn(sent), round ?? 1000, signature)).old_rules,
  'chain/size': ({ in: { text_bytes } }) => {
    const { sent, envelope, fits, cost } = sealSize(text_bytes);
    return { sent_bytes: sent, envelope_bytes: envelope, fits_1024: fits, space_cost: cost };
  },
  'chain/round at or after a moment (SDK 11.3)': ({ in: { unix }, out }) =>
    told(
      {
        round_at: roundAt(beacon, unix),
        current_round: Math.floor((unix - beacon.genesis) / beacon.period) + 1,
      },
      out.value,
    ),
  'chain/moment of a round': ({ in: { round } }) => momentOf(beacon, round),
  'chain/round from blocks (get_encrypted_commitment)': ({
    in: { unix_s, blocks_until_reveal, block_time },
  }) => roundAfterBlocks(beacon, unix_s, blocks_until_reveal, block_time),
  'chain/read a reveal': ({ in: { stored }, out }) => {
    const text = revealedText(bytesIn(stored));
    return { ...out.value, sdk_10_5: text };
  },
  'chain/encode call': ({ in: { netuid, encrypted, round } }) => {
    const field = {
      type: 'TimelockEncrypted',
      value: { encrypted: bytesIn(encrypted), reveal_round: BigInt(round) },
    };
    const call = { type: 'Commitments', value: { type: 'set_commitment', value: { netuid, info: [field] } } };
    return hexOf(createRuntime('current', 12_000).codec('RuntimeCall').enc(call));
  },
  'chain/decode CommitmentOf': ({ in: { value } }) => {
    const entry = chain.value('Commitments', 'CommitmentOf', `0x${value}`);
    return {
      block: entry.block,
      fields: fieldsOf(entry.info).map((field) =>
        field.kind === 'sealed'
          ? {
              variant: 'TimelockEncrypted',
              encrypted: hexOf(field.encrypted),
              round: field.round > 2 ** 32 ? String(field.round) : field.round,
            }
          : field,
      ),
    };
  },
  'chain/decode RevealedCommitments': ({ in: { value } }) =>
    revealedOf(chain.value('Commitments', 'RevealedCommitments', `0x${value}`)).map(({ bytes, block }) => ({
      bytes: hexOf(bytes),
      block,
    })),
  'chain/storage key': ({ in: { args }, id }) => {
    const item = id.split('/').at(-1)!.split(' ')[0]!;
    const pallet = chain.has('Commitments', item) ? 'Commitments' : 'Drand';
    return chain
      .key(pallet, item, ...args.map((arg: Json) => (item === 'Pulses' ? BigInt(arg) : arg)))
      .slice(2);
  },
  'chain/decode Drand.Pulses': ({ in: { value } }) => {
    const pulse = chain.value('Drand', 'Pulses', `0x${value}`);
    const hex = (bytes: Json) => (typeof bytes === 'string' ? bytes.slice(2) : hexOf(bytes));
    return { round: Number(pulse.round), randomness: hex(pulse.randomness), signature: hex(pulse.signature) };
  },
};
