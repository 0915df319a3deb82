/** What a run's state is called, to people; its names are those of `state.json` and `--json`. */
export const STATE_WORDS = {
  running: 'training',
  done: 'finished',
  cancelled: 'stopped',
  failed: 'failed',
} as const;
