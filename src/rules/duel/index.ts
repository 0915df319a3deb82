/** How subnets decide between a king and a challenger: pure functions, each held to the answers of the subnet's own. */
export * from './bars.ts';
export * from './by-losses.ts';
export * from './confirm.ts';
export * from './flattened.ts';
export * from './numpy.ts';
export * from './paired.ts';
export * from './power.ts';
export * from './predict.ts';
export * from './scores.ts';
export * from './windows.ts';
