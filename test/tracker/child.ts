/** A process that tracks a volume until it is killed. */

import { startTracker } from '../../src/tracker/index.js';
import { openVolume } from '../../src/volume/index.js';

const volume = await openVolume(process.argv[2] ?? '');
await startTracker(volume);
process.stdout.write('ready\n');
setInterval(() => undefined, 60_000);
