import { expect, test } from 'vitest';
import { formatAmount, formatBytes, formatCount, formatDuration } from '../../src/text/format.ts';
import { ProgressRenderer } from '../../src/ui/progress.ts';

function render(live: boolean, columns = 80) {
  let text = '';
  let clock = 0;
  const renderer = new ProgressRenderer({
    write: (chunk) => {
      text += chunk;
    },
    live,
    columns: () => columns,
    ascii: false,
    now: () => clock,
  });
  const step = (done: number, phase = 'upload', detail?: string) =>
    renderer.update({
      kind: 'progress',
      phase,
      done,
      total: 1e9,
      unit: 'bytes',
      ...(detail ? { detail } : {}),
    });
  return {
    renderer,
    step,
    tick: (ms: number) => {
      clock += ms;
    },
    take: () => {
      const taken = text;
      text = '';
      return taken;
    },
  };
}

test('a terminal gets one line that is redrawn, with share, rate and time left', () => {
  const { renderer, step, tick, take } = render(true);
  step(0);
  expect(take()).toBe(`\r\u001b[2KUpload  ${'─'.repeat(30)}  0%  0 B/1.00 GB`);
  tick(1000);
  step(250e6);
  expect(take().slice(5)).toMatch(
    /^Upload {2}━{7}─{20,22} {2}25% {2}250 MB\/1.00 GB {2}250 MB\/s {2}3.0 s left$/,
  );
  tick(10);
  step(260e6);
  expect(take()).toBe('');
  renderer.finishPhase();
  expect(take()).toBe('\r\u001b[2KUpload: 260 MB/1.00 GB\n');
});

test('a long silence shows its seconds', () => {
  const { renderer, tick, take } = render(true);
  renderer.update({ kind: 'progress', phase: 'Loading', done: 0, unit: 'steps' });
  expect(take()).toBe('\r\u001b[2KLoading  ');
  tick(3000);
  renderer.tick();
  expect(take()).toBe('\r\u001b[2KLoading  3.0 s');
  tick(100);
  renderer.tick();
  expect(take()).toBe('');
  renderer.finishPhase();
  expect(take()).toBe('\r\u001b[2KLoading: done in 3.1 s\n');
});

test('elsewhere plain lines, at most one in ten seconds', () => {
  const { renderer, step, tick, take } = render(false);
  step(0);
  expect(take()).toBe('Upload: 0%, 0 B/1.00 GB\n');
  for (let i = 1; i <= 9; i += 1) {
    tick(1000);
    step(i * 1e6);
  }
  expect(take()).toBe('');
  tick(1500);
  step(1e9, 'upload', 'model.safetensors');
  expect(take()).toMatch(/^Upload: 100%, 1.00 GB\/1.00 GB, .* model.safetensors\n$/);
  step(5, 'confirm');
  expect(take()).toBe(
    'Upload: 1.00 GB in 11 s, model.safetensors\nConfirm: 0%, 5 B/1.00 GB\n'.replace('10.5', '11'),
  );
  renderer.finishPhase();
});

test('foreign detail cannot move the cursor, and 20 columns are enough', () => {
  const { step, take } = render(true, 20);
  step(1, 'upload', 'evil\u001b[2J\r name that goes on and on');
  const line = take();
  expect(line.startsWith('\r\u001b[2K')).toBe(true);
  expect(line.slice(5)).not.toContain('\u001b');
  expect(line.slice(5).length).toBeLessThanOrEqual(19);
});

test('what does not fit is left out whole, the least telling first', () => {
  const detail = 'loss 6.2329 · p(win) 34% (10% to 60%), +1,200 · 240 tok/s';
  const words = ['loss 6.2329', 'p(win) 34% (10% to 60%), +1,200', '240 tok/s', '━', '─', '%', 'left'];
  for (const columns of [20, 30, 40, 60, 80, 100, 140]) {
    const { renderer, tick, take } = render(true, columns);
    const step = (done: number) =>
      renderer.update({
        kind: 'progress',
        phase: 'scoring a-model',
        done,
        total: 512,
        unit: 'sequences',
        detail,
      });
    step(1);
    tick(5000);
    take();
    step(100);
    const line = take().slice(5);
    expect(line.length).toBeLessThan(columns);
    expect(line).toMatch(columns === 20 ? /^Scoring a-mod… {2}19%$/ : /^Scoring a-model {2}[^…]*19%[^…]*$/);
    if (columns >= 40) expect(line).toContain('100/512 sequences');
    // What is asked of a duel stays longer than the loss, the bar and the time left.
    if (columns >= 80) expect(line).toContain('p(win) 34% (10% to 60%), +1,200');
    for (const word of words) if (line.includes(word.slice(0, 6))) expect(line).toContain(word);
  }
});

test('a phase that comes back tells the time since it first began, a part of it none; one that is over stands before what is said', () => {
  const { renderer, tick, take } = render(true);
  const train = (done: number) =>
    renderer.update({
      kind: 'progress',
      phase: 'Training',
      done,
      total: 20,
      unit: 'steps',
      detail: 'loss 6',
    });
  train(0);
  tick(28_000);
  train(10);
  renderer.finishWhole();
  take();
  renderer.update({ kind: 'progress', phase: 'Evaluating', done: 0, unit: 'steps' });
  expect(take()).toContain('Training: 10/20 steps, loss 6\n');
  tick(4000);
  train(11);
  expect(take()).toContain('Evaluating: done in 4.0 s\n');
  tick(30_000);
  train(20);
  take();
  renderer.finishWhole();
  expect(take()).toBe('\r\u001b[2KTraining: 20 steps in 1:02, loss 6\n');
});

test('amounts read well', () => {
  expect([0, 999, 1000, 999_600, 2_170_000_000].map(formatBytes)).toEqual([
    '0 B',
    '999 B',
    '1.00 kB',
    '1.00 MB',
    '2.17 GB',
  ]);
  expect([120, 12_345, 6_900_000_000].map(formatCount)).toEqual(['120', '12.3k', '6.9B']);
  expect([0.84, 12, 65, 7385, Number.NaN].map(formatDuration)).toEqual([
    '0.8 s',
    '12 s',
    '1:05',
    '2:03:05',
    '?',
  ]);
  expect(formatAmount(3, 'blocks')).toBe('3 blocks');
  expect([formatAmount(1, 'files'), formatAmount(1, 'steps', 2)]).toEqual(['1 file', '1/2 steps']);
});
