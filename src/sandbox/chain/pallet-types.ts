import type { Pallet } from './pallets.ts';
import type { TypeDefinition, TypeTable, Variant } from './type-table.ts';

/** Enums that are made of the pallets: one for calls, events and errors of each, and the three over all. */
export function palletTypes(list: Pallet[]): TypeTable {
  const table: TypeTable = {};
  const outer: Record<'Call' | 'Event' | 'Error', Record<string, Variant>> = {
    Call: {},
    Event: {},
    Error: {},
  };
  for (const { name, index, calls, events, errors } of list) {
    const path = `pallet_${name.toLowerCase()}::pallet`;
    const add = (kind: keyof typeof outer, variants: TypeDefinition['variants']): void => {
      if (!variants || Object.keys(variants).length === 0) return;
      table[`${name}${kind}`] = { path: `${path}::${kind}`, params: { T: '' }, variants };
      outer[kind][name] = { index, fields: [`${name}${kind}`], docs: [] };
    };
    add('Call', calls);
    add('Event', events);
    add(
      'Error',
      Object.fromEntries(
        Object.entries(errors).map(([error, doc], position) => [
          error,
          { index: position, fields: [], docs: [doc] },
        ]),
      ),
    );
  }
  for (const kind of ['Call', 'Event', 'Error'] as const)
    table[`Runtime${kind}`] = { path: `pt_sandbox_runtime::Runtime${kind}`, variants: outer[kind] };
  table.Runtime = { path: 'pt_sandbox_runtime::Runtime', fields: [] };
  return table;
}
