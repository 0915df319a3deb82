import { UserError } from '../errors.ts';

/** The toolbox runs on Node 20, but for what only a newer one can do; `needs`: "a lock needs node:sqlite". */
export const nodeTooOld = (needs: string, from: string): UserError =>
  new UserError('node.too_old', `${needs}, which Node ${process.versions.node} lacks.`, {
    nextSteps: ['npx node PROGRAM   # the Node that pt brings along', `Use Node ${from} or newer.`],
  });
