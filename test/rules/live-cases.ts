/**
 * How the files of `vectors-live` are put to the code: what live subnets' own functions answered. Each subnet's names for its values are put
 * beside the profile's here; everything else comes from `constants/profiles/`.
 */
import { expect } from 'vitest';
import { loadConstants, profileNamed } from '../../src/constants.ts';
import { PtError } from '../../src/errors.ts';
import {
  type Fields,
  type Profile,
  pickRevealed,
  readText,
  revealedText,
  writeText,
} from '../../src/rules/index.ts';
import type { Case } from './vector-cases.ts';

// biome-ignore lint/suspicious/noExplicitAny: vectors are read as they come; a wrong form fails the case
export type Json = any;

const constants = loadConstants();
const profileOf = (name: string): Profile => profileNamed(constants, name);

/** A case's operation: what ours gives for `in`; throwing or null is a refusal. */
type Operation = (item: Json, profile: Profile) => Json;

const FILES: Record<string, Record<string, Operation>> = {};

/** The cases of a live file; null for a file of another name. */
export function liveCasesOf(file: string, { cases }: Json): Case[] | null {
  const operations = FILES[file];
  if (operations === undefined) return null;
  return cases.map((item: Json) => ({
    name: item.id,
    run: () => {
      const operation = operations[`${item.subnet}/${item.op}`] ?? operations[item.op];
      if (operation === undefined) throw new Error(`unknown operation ${item.subnet}/${item.op}`);
      const profile = Object.hasOwn(constants.profiles, item.subnet)
        ? profileOf(item.subnet)
        : profileOf('3.2');
      let value: Json = null;
      try {
        value = operation(item, profile);
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
    const allowed = typeof tolerance === 'number' ? tolerance : tolerance[path.split('.').at(-1)!];
    if (typeof theirs === 'number' && typeof mine === 'number' && typeof allowed === 'number')
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
