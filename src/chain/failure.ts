import { textOf } from './rpc.ts';

/** Finds out from a block's events whether its extrinsic number `index` failed, and how; null when it did not. */
// biome-ignore lint/suspicious/noExplicitAny: decoded by metadata
export function failureIn(events: any[], index: number): { pallet: string; name: string } | null {
  for (const { phase, event } of events) {
    if (phase?.type !== 'ApplyExtrinsic' || phase.value !== index) continue;
    if (event?.type !== 'System' || event.value?.type !== 'ExtrinsicFailed') continue;
    const error = event.value.value?.dispatch_error;
    // The metadata's module errors are decoded to `{type: pallet, value: {type: error}}`.
    if (error?.type === 'Module')
      return { pallet: textOf(error.value?.type), name: textOf(error.value?.value?.type) };
    return { pallet: 'System', name: textOf(error?.type) };
  }
  return null;
}
