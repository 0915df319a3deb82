import { shellWord } from '../text/shell-word.ts';
import type { PublishRequest } from './types.ts';

/** The command that goes on with this publish, wherever it is typed. */
export function againOf(request: PublishRequest): string {
  return request.again?.command ?? uploadCommand(request, '--resume');
}

function uploadCommand(request: PublishRequest, ...more: string[]): string {
  const { source, repo, again } = request;
  const model =
    source.kind !== 'folder'
      ? ['--commit-only', `${repo}@${source.kind === 'hub' ? source.commit : source.pin}`]
      : [
          ...['--load-model-dir', shellWord(again?.dir ?? source.dir), '--hf-repo-id', repo],
          ...(source.dtype === 'fp32' ? ['--dtype', 'fp32'] : []),
        ];
  const how = [
    ...(request.useHotkeyInHash ? ['--use-hotkey-in-hash'] : []),
    ...(request.makePublic ? [] : ['--private']),
    ...(request.sealBlocks === null ? [] : ['--blocks', String(request.sealBlocks)]),
    ...(request.sealRound === null ? [] : ['--round', String(request.sealRound)]),
    ...(request.waitReveal ? ['--wait-reveal'] : []),
    ...Object.entries(request.fields).flatMap(([name, value]) => ['--field', shellWord(`${name}=${value}`)]),
  ];
  return ['pt upload', ...model, ...how, ...more].join(' ');
}

/** How the rooms below speak of going on, who do not know with what: the command in general, and flags to go on with. */
const GENERAL = /(?:The same pt upload with|The same with|pt upload) (--resume|--restart)((?: --[a-z-]+)*)/;

/** The same steps with this publish in each that goes on with it. */
export function nameAgain(steps: readonly string[], request: PublishRequest): string[] {
  const named = steps.map((step) =>
    step.replace(GENERAL, (_, how: string, more: string) =>
      how === '--resume' && more === '' ? againOf(request) : uploadCommand(request, `${how}${more}`),
    ),
  );
  return [...new Set(named)];
}
