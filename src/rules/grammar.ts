/** The grammar of a commitment's text (`commit.format` of a profile): what it writes, it reads. */
import type { Field, Format, JsonField, Key, KeyValue } from '../profile-schema.ts';
import {
  isTruthy,
  pythonInt,
  pythonJson,
  pythonPattern,
  pythonStem,
  pythonStrip,
  pythonText,
} from '../text/python.ts';
import { isObject, type JsonObject, parseJson } from '../text/strict-json.ts';

/** Values by the profile's names. Everything read from a chain is untrusted, and of any type where the profile names none. */
export type Fields = Record<string, unknown>;

/** Why a text cannot be written; says which field. */
export class Unwritable extends Error {
  readonly field: string | null;
  readonly what: string;
  constructor(field: string | null, what: string) {
    super(field === null ? what : `${field} ${what}`);
    this.field = field;
    this.what = what;
  }
}

/** `other`: it is something else. `broken`: reading it ends with an error, and a validator sees nothing of that hotkey. */
export type Read = { kind: 'read'; fields: Fields } | { kind: 'other' } | { kind: 'broken' };

type Join = Extract<Format, { kind: 'join' }>;
type Form = Pick<Join, 'parts'>;
type Part = Form['parts'][number];
type Joined = Extract<Part, { sep: string }>;

const isJoined = (part: Part): part is Joined => typeof part === 'object' && 'sep' in part;

/** The text of these values. Throws `Unwritable` for what is missing or what the subnet's own tools would not write. */
export function writeText(format: Format, fields: Fields): string {
  if (format.kind === 'json') return pythonJson(writeObject(format.keys, fields), format.style);
  return writeParts(format.sep, format.parts, fields);
}

function writeParts(sep: string, parts: Part[], fields: Fields): string {
  return parts
    .map((part) => {
      if (isJoined(part)) return writeJoined(part, fields);
      return typeof part === 'string' ? part : writePart(part, fields);
    })
    .join(sep);
}

function writeJoined({ sep, parts, match }: Joined, fields: Fields): string {
  const raw = parts.map((part) => (typeof part === 'string' ? part : String(fields[part.name]))).join(sep);
  if (match !== undefined && !pythonPattern(match).test(raw))
    throw new Unwritable(null, `${JSON.stringify(raw)} is not of the form ${match}`);
  return writeParts(sep, parts, fields);
}

function writePart(field: Field, fields: Fields): string {
  const given = fields[field.name];
  if (given === undefined || given === null) {
    if (field.none) return 'None';
    throw new Unwritable(field.name, 'is missing');
  }
  if (field.type === 'text' && typeof given !== 'string') throw new Unwritable(field.name, 'must be text');
  if (field.type === 'integer' && pythonInt(String(given)) === null)
    throw new Unwritable(field.name, 'must be a whole number');
  return (field.prefix ?? '') + writeField(field, String(given));
}

function writeField(field: Field, given: string): string {
  const stripped = field.strip ? pythonStrip(given) : given;
  const lower = field.lower ? stripped.toLowerCase() : stripped;
  const value = field.stem === undefined ? lower : pythonStem(lower);
  const pattern = field.write ?? field.match;
  if (pattern !== undefined && !pythonPattern(pattern).test(value))
    throw new Unwritable(field.name, `${JSON.stringify(given)} is not of the form ${pattern}`);
  return value;
}

/** Reads a text as the validators do; `strict` also asks for what the subnet's own tools write. */
export function readText(format: Format, text: string, strict = false): Read {
  if (format.kind === 'json') return readJson(format, text, strict);
  const parts = (format.strip ? pythonStrip(text) : text).split(format.sep);
  for (const form of [format, ...(format.older ?? [])]) {
    const found = form.parts.length;
    const tail = form.parts.at(-1);
    const whole = tail !== undefined && typeof tail === 'object' && 'sep' in tail;
    if (parts.length < found || (parts.length > found && !form.more && !whole)) continue;
    const given = whole ? [...parts.slice(0, found - 1), parts.slice(found - 1).join(format.sep)] : parts;
    const fields = readParts(form.parts, given, strict);
    return fields === null ? { kind: 'other' } : { kind: 'read', fields };
  }
  return { kind: 'other' };
}

function readParts(parts: Part[], given: string[], strict: boolean): Fields | null {
  const fields: Fields = {};
  for (const [i, part] of parts.entries()) {
    const value = given[i]!;
    if (typeof part === 'string') {
      if (value !== part) return null;
    } else if (isJoined(part)) {
      if (part.match !== undefined && !pythonPattern(part.match).test(value)) return null;
      // Python's `partition`: all but the last are cut off at the first separator.
      const inner: string[] = [];
      let rest = value;
      for (let cut = 1; cut < part.parts.length; cut++) {
        const at = rest.indexOf(part.sep);
        if (at < 0) return null;
        inner.push(rest.slice(0, at));
        rest = rest.slice(at + part.sep.length);
      }
      const found = readParts(part.parts, [...inner, rest], strict);
      if (found === null) return null;
      Object.assign(fields, found);
    } else {
      const found = readPart(part, value, strict);
      if (found === undefined) return null;
      if (found === null) continue;
      fields[part.name] = found;
      if (part.also !== undefined) fields[part.also] = found;
    }
  }
  return fields;
}

/** Undefined: refused. Null: there is none. */
function readPart(field: Field, given: string, strict: boolean): string | number | null | undefined {
  if (field.none && given === 'None')
    return field.none === 'absent' ? null : field.none === 'empty' ? '' : undefined;
  if (field.prefix !== undefined && !given.startsWith(field.prefix)) return undefined;
  const bare = given.slice(field.prefix?.length ?? 0);
  const value = (field.strip ? pythonStrip(bare) : bare) + (field.stem ?? '');
  if (field.type === 'integer') return pythonInt(value) ?? undefined;
  return passes(field, value, strict) ? value : undefined;
}

const passes = ({ match, write }: Field, value: string, strict: boolean): boolean =>
  [match, ...(strict ? [write] : [])].every(
    (pattern) => pattern === undefined || pythonPattern(pattern).test(value),
  );

type Json = Extract<Format, { kind: 'json' }>;

function readJson({ keys, hex }: Json, text: string, strict: boolean): Read {
  const value = parsed(text) ?? (hex ? parsed(fromHex(text)) : undefined);
  if (value === undefined) return { kind: 'other' };
  if (!isObject(value.json)) return { kind: 'broken' };
  const fields: Fields = {};
  return readObject(keys, value.json, fields, strict) ? { kind: 'read', fields } : { kind: 'other' };
}

function parsed(text: string | null): { json: unknown } | undefined {
  if (text === null) return undefined;
  try {
    return { json: parseJson(text, { python: true }) };
  } catch {
    return undefined;
  }
}

/** `bytes.fromhex`, which passes over spaces, and UTF-8. */
function fromHex(text: string): string | null {
  const digits = (text.startsWith('0x') ? text.slice(2) : text).split(/[\t-\r ]+/);
  if (!digits.every((pair) => /^(?:[0-9a-f]{2})*$/i.test(pair))) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
      Buffer.from(digits.join(''), 'hex'),
    );
  } catch {
    return null;
  }
}

function readObject(keys: Key[], json: JsonObject, fields: Fields, strict: boolean): boolean {
  return keys.every(([key, of, optional = false]) => {
    const names = [key, ...(typeof of === 'object' && 'also_key' in of && of.also_key ? [of.also_key] : [])];
    if (typeof of === 'object' && 'object' in of) {
      // Each that is there is read, the later over the earlier.
      const there = names.filter((name) => Object.hasOwn(json, name));
      if (there.length === 0) return optional;
      return there.every((name) => {
        const inner = json[name];
        return isObject(inner) && readObject(of.object, inner, fields, strict);
      });
    }
    const value = json[names.find((name) => Object.hasOwn(json, name)) ?? key];
    return readKey(of, value, optional, fields, strict);
  });
}

function readKey(
  of: Exclude<KeyValue, { object: Key[] }>,
  value: unknown,
  optional: boolean,
  fields: Fields,
  strict: boolean,
): boolean {
  if (typeof of === 'object' && 'const' in of)
    return value === of.const || (of.absent === true && (value === undefined || value === null));
  const field: JsonField = typeof of === 'string' ? { name: of } : of;
  if (value === undefined && field.missing !== undefined) {
    fields[field.name] = field.missing;
    return true;
  }
  if (field.truthy && !isTruthy(value)) return false;
  if (value === undefined) return optional;
  if (value === null) {
    fields[field.name] = null;
    return true;
  }
  const typed = field.type === undefined ? value : typedValue(field.type, value);
  if (typed === undefined) return false;
  if (typeof typed === 'string' && !passes(field, typed, strict)) return false;
  if (field.match !== undefined && typeof typed !== 'string') return false;
  fields[field.name] = typed;
  return true;
}

/** As pydantic takes it without being strict: whole numbers also as text, as 1.0 and as true. Undefined: refused. */
function typedValue(type: 'text' | 'integer', value: unknown): unknown {
  if (type === 'text') return typeof value === 'string' ? value : undefined;
  if (typeof value === 'boolean') return Number(value);
  if (typeof value === 'number') return Number.isInteger(value) ? value : undefined;
  return typeof value === 'string' ? (pythonInt(value.replace(/\.0+$/, '')) ?? undefined) : undefined;
}

function writeObject(keys: Key[], fields: Fields): Fields {
  const json: Fields = {};
  for (const [key, of, optional = false] of keys) {
    if (typeof of === 'object' && 'object' in of) {
      const named = of.object.some(([, inner]) => nameOf(inner) !== null && fields[nameOf(inner)!] != null);
      if (named || !optional) json[key] = writeObject(of.object, fields);
      continue;
    }
    if (typeof of === 'object' && 'const' in of) {
      json[key] = of.const;
      continue;
    }
    const field: JsonField = typeof of === 'string' ? { name: of } : of;
    const given = fields[field.name];
    const value = given === undefined || given === null || given === '' ? (field.default ?? given) : given;
    if (value === undefined || value === null) {
      if (optional) continue;
      throw new Unwritable(field.name, 'is missing');
    }
    const typed = field.type === undefined ? value : typedValue(field.type, value);
    if (typed === undefined)
      throw new Unwritable(field.name, `must be ${field.type === 'text' ? 'text' : 'a whole number'}`);
    json[key] = typeof typed === 'string' ? writeField(field, typed) : typed;
  }
  return json;
}

function nameOf(of: KeyValue): string | null {
  if (typeof of === 'string') return of;
  return 'name' in of ? of.name : null;
}

/** A field that the text may name. */
export interface Named {
  name: string;
  /** It cannot be left out. */
  needed: boolean;
  /** Of what `pt` makes it by itself. */
  digest: readonly string[] | null;
}

/** Every field that the text may name, in its order. */
export function fieldsOf(format: Format): Named[] {
  if (format.kind === 'json') return ofKeys(format.keys);
  return ofParts(format.parts);
}

const ofParts = (parts: Part[]): Named[] =>
  parts.flatMap((part) => {
    if (typeof part === 'string') return [];
    return isJoined(part)
      ? ofParts(part.parts)
      : [named(part, part.none === undefined || part.none === 'refused')];
  });

const ofKeys = (keys: Key[], inside = false): Named[] =>
  keys.flatMap(([, of, optional = false]) => {
    if (typeof of === 'object' && 'object' in of) return ofKeys(of.object, inside || optional);
    if (typeof of === 'string') return [named({ name: of }, !optional && !inside)];
    if (!('name' in of)) return [];
    return [named(of, !optional && !inside && of.default === undefined)];
  });

const named = (
  { name, needed, digest }: { name: string; needed?: boolean | undefined; digest?: string[] | undefined },
  must: boolean,
): Named => ({ name, needed: needed ?? must, digest: digest ?? null });

/** A field as text, as Python writes it; null for what is no text. */
export const fieldText = (fields: Fields, name: string): string | null =>
  fields[name] === undefined || fields[name] === null ? null : pythonText(fields[name]);
