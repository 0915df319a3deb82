import { Flags } from '@oclif/core';

/** The run that a command is about. */
export const runArg = { description: 'Run: its id or how it begins, its folder, or latest' };

/** Where runs are looked for. */
export const runsDirFlag = {
  'model-dir': Flags.string({ summary: 'Folder for runs (PT_HOME/runs)' }),
};
