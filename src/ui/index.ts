export { formatAmount, formatBytes, formatCount, formatDuration } from './format.ts';
export { askPassword, askYesNo } from './prompt.ts';
export { didYouMean, nearest } from './suggest.ts';
export { type Column, cutText, layTable } from './table.ts';
export { createUi, type Ui } from './terminal.ts';
export { harmless, maskTokens } from './text.ts';
