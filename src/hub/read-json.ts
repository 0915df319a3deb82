import type { z } from 'zod';
import { type ApiRequest, apiFetch, type Connection, doingOf } from './connection.ts';
import { malformed } from './hub-errors.ts';

interface JsonRequest<Schema extends z.ZodType> extends ApiRequest {
  /** Path and query after the endpoint, or a whole address that the Hub gave. */
  path: string;
  schema: Schema;
  method?: string;
  headers?: Record<string, string>;
  body?: unknown;
}

/** Asks the Hub's API and accepts only an answer of the expected shape. */
export async function readJson<Schema extends z.ZodType>(
  connection: Connection,
  request: JsonRequest<Schema>,
): Promise<{ value: z.infer<Schema>; headers: Headers }> {
  const { path, schema, method = 'GET', body, headers } = request;
  const url = /^https?:/i.test(path) ? path : connection.base + path;
  const response = await apiFetch(connection, request)(url, {
    method,
    headers: {
      accept: 'application/json',
      ...(connection.token ? { authorization: `Bearer ${connection.token.reveal()}` } : {}),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const doing = doingOf(connection, request);
  let json: unknown;
  try {
    // Nothing to say is an answer to what asks for none in particular.
    json = response.status === 204 ? {} : JSON.parse(await response.text());
  } catch {
    throw malformed(doing, 'not JSON');
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw malformed(doing, `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'unexpected'}`);
  }
  return { value: parsed.data, headers: response.headers };
}
