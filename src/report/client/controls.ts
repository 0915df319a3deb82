import { formatWhole } from '../../text/format.ts';
import { AXES, type AxisName, fromPosition, measureOf } from './axis.ts';
import { longest, type Shared } from './lines.ts';
import { spansFor } from './scale.ts';

/** What stands above the charts and holds for all of them: the axis, how much noise is averaged out, which part is shown. */
export interface Controls {
  /** The part that is shown is another, or the runs have grown. */
  tell(): void;
}

/** Starts them; `changed`: another axis, or other averages. */
export function startControls(shared: Shared, changed: (what: 'axis' | 'span') => void): Controls {
  const bar = document.getElementById('controls')!;
  const zoom = document.getElementById('zoom')!;
  const range = document.getElementById('range')!;
  const axis = document.getElementById('axis') as HTMLSelectElement;
  const log = document.getElementById('log-x') as HTMLInputElement;
  const smooth = document.getElementById('smoothing') as HTMLInputElement;
  const smoothed = document.getElementById('smoothed')!;
  let spans: number[] = [1];
  let chosen = false;

  /** The spans there are, which grow with the runs; until somebody chooses, a fortieth of the longest run. */
  function offer(): void {
    const steps = longest(shared.runs);
    spans = spansFor(steps);
    smooth.max = String(spans.length - 1);
    if (!chosen) shared.span = spans.findLast((span) => span <= steps / 40) ?? 1;
    const at = Math.max(0, spans.indexOf(shared.span));
    smooth.value = String(at);
    const words = shared.span > 1 ? `EMA over ${formatWhole(shared.span)} steps` : 'off';
    smoothed.textContent = words;
    smooth.setAttribute('aria-valuetext', words);
  }

  smooth.addEventListener('input', () => {
    chosen = true;
    shared.span = spans[Number(smooth.value)] ?? 1;
    offer();
    changed('span');
  });
  for (const control of [axis, log])
    control.addEventListener('change', () => {
      shared.axis = { name: axis.value as AxisName, log: log.checked };
      changed('axis');
    });

  const { view } = shared;
  const actions: Record<string, () => void> = {
    in: () => view.zoom(0.5),
    out: () => view.zoom(2),
    left: () => view.pan(-0.25),
    right: () => view.pan(0.25),
    all: () => view.all(),
  };
  zoom.addEventListener('click', (event) => {
    const action = (event.target as Element).closest('button')?.dataset.zoom;
    if (action) actions[action]?.();
  });
  offer();
  return {
    tell() {
      offer();
      const [from, to] = view.shown.map((position) => fromPosition(shared.axis, position)) as [
        number,
        number,
      ];
      range.textContent = AXES[shared.axis.name].range(from, to);
      for (const option of axis.options)
        option.disabled = shared.runs.every((run) => measureOf(option.value as AxisName, run) === null);
      const drawn = document.querySelector('figure .plot') !== null;
      zoom.hidden = !drawn;
      bar.hidden = !drawn;
    },
  };
}
