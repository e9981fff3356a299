/** The engine's core under the compiler's sanitizers: no bad access, no leak, no data race. */

import { fileURLToPath } from 'node:url';
import test from 'ava';
import { execa } from 'execa';
import { hangMs } from '../support/hang.js';

const script = fileURLToPath(new URL('../../../scripts/sanitize.sh', import.meta.url));

for (const sanitizer of ['address', 'thread']) {
  test.serial(`all jobs on both queues under the ${sanitizer} sanitizer`, async (t) => {
    t.timeout(3 * hangMs);
    const { exitCode, all } = await execa('bash', [script, sanitizer], {
      all: true,
      reject: false,
    });
    t.is(exitCode, 0, all);
    t.regex(all, /^0 failures$/m);
  });
}
