import { Flags } from '@oclif/core';

/** The run that a command is about. */
export const runArg = { description: 'Run: its id or how it begins, its folder, or latest' };

/** The runs that a page is about. */
export const severalRuns = {
  description: 'Runs: ids or how they begin, folders, or latest; any number of them',
};

/** Where runs are looked for. */
export const runsDirFlag = {
  'model-dir': Flags.string({ summary: 'Folder for runs (PT_HOME/runs)' }),
};
