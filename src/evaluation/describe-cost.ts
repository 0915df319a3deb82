/** What scoring takes, in words. */
import { formatBytes, formatCount, formatDuration, formatWhole } from '../text/format.ts';
import type { Cost, CostOfModel } from './types.ts';

const known = (value: number | null, format: (value: number) => string): string =>
  value === null ? 'unknown' : format(value);

/** A row: model, memory, whether it fits, download, tokens a second, time. */
export function describeCost(model: CostOfModel): string[] {
  const { name, memory, hostMemory, fits, download, tokensPerSecond, seconds, speed } = model;
  const bound = speed?.from === 'bound';
  const host = hostMemory === null ? '' : ` + ${formatBytes(hostMemory)} of the machine's`;
  return [
    name,
    `${known(memory, formatBytes)}${host}`,
    fits === null ? 'unknown' : fits ? 'yes' : 'no',
    download === 0 ? '-' : formatBytes(download),
    known(tokensPerSecond, (rate) => `${bound ? 'at most ' : ''}${formatCount(rate)}`),
    known(seconds, (time) => `${bound ? 'over ' : ''}${formatDuration(time)}`),
  ];
}

/** What stands under the table: the machine, the sample, where the rates are from, the disk, the power. */
export function notesOfCost(cost: Cost): string[] {
  const { device, deviceName, dtype, memoryFree, hostMemoryFree, sample, download, diskFree, power } = cost;
  const onHost = device === 'cpu' ? '' : `, ${known(hostMemoryFree, formatBytes)} of the machine's memory`;
  const many =
    sample.sequences === null
      ? 'As many sequences as the pages hold, so the time is not known (--sequences N says how many)'
      : `${formatWhole(sample.sequences)} sequences`;
  const bound = cost.models.some(({ speed }) => speed?.from === 'bound');
  return [
    `On ${device} (${deviceName}), in ${dtype}: ${known(memoryFree, formatBytes)} free${onHost}.`,
    `${many} of ${formatWhole(sample.sequenceLength)} tokens (${sample.data.join(', ')}); one model after another.`,
    ...new Set(cost.models.map(speedOf)),
    `In all ${bound ? 'more than ' : ''}${known(cost.seconds, formatDuration)} of scoring; loading and downloading come on top.`,
    ...(diskFree === null
      ? []
      : [
          `To download: ${formatBytes(download)}, the text not counted; ${formatBytes(diskFree)} are free there.`,
        ]),
    ...(power === null ? [] : [power.sentence]),
    ...(power === null || power.sequences === null
      ? []
      : [`They take ${bound ? 'more than ' : ''}${known(power.seconds, formatDuration)}.`]),
  ];
}

function speedOf({ name, speed }: CostOfModel): string {
  if (speed === null) return `Tokens a second of ${name}: unknown.`;
  const { from, model, tokens, at } = speed;
  const scored = `scoring ${model} on this machine, ${formatCount(tokens ?? 0)} tokens, ${at?.slice(0, 10)}`;
  switch (from) {
    case 'measured':
      return `Tokens a second: measured by ${scored}.`;
    case 'scaled':
      return `Tokens a second of ${name}: not measured; from ${scored}, by the ratio of their arithmetic.`;
    case 'bound':
      return 'Tokens a second: a bound, no model has been scored here yet. So fast this device multiplies large matrices now; a model is slower.';
  }
}
