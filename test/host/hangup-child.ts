import { writeFileSync } from 'node:fs';
import { outlivesTerminal } from '../../src/host/hangup.ts';

writeFileSync(process.argv[2]!, String(outlivesTerminal(process.env)));
