/** Online seeds under an fsync load, on real file systems: every fsync of before the freeze is in the copy. */

import path from 'node:path';
import test from 'ava';
import {
  checkLoad,
  fsyncLoad,
  onlineKindNames,
  onlineKinds,
  onlineSource,
  seedOnline,
} from '../../support/online.js';
import { seededRandom } from '../../support/random.js';

for (const name of onlineKindNames) {
  for (const direct of ['on', 'off']) {
    test.serial(`${name}, direct I/O of the loop device ${direct}`, async (t) => {
      const random = seededRandom(t, 31);
      const kind = onlineKinds[name];
      const source = await onlineSource(t, kind, [`--direct-io=${direct}`]);
      const load = await fsyncLoad(t, source, 'load', random.between(0, 1e6));
      const target = path.join(source.scratch, 'target.img');
      const { pointInTimeMs, cutover, mapFreezeMs } = await seedOnline(source, target);
      await load.stop();
      // Two btrfs of one identity at a time are not always welcome.
      await source.unmount();
      const { checked, lost } = await checkLoad(t, kind, target, load, pointInTimeMs);
      t.deepEqual(lost, []);
      t.log(`${checked} fsyncs, map ${mapFreezeMs} ms`, cutover);
      t.true(checked > 5, 'there was something to lose');
    });
  }
}
