/** The script that runs the tests says what became of them, even of those that hang or end their process. */

import { copyFile, mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { hangMs } from '../support/hang.js';
import { scratchDirectory } from '../support/scratch.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** A project with one test that passes and this one. */
async function run(t: ExecutionContext, body: string, timeout: string) {
  const project = await scratchDirectory(t);
  await mkdir(path.join(project, 'scripts'));
  await copyFile(path.join(root, 'scripts/test.sh'), path.join(project, 'scripts/test.sh'));
  await symlink(path.join(root, 'node_modules'), path.join(project, 'node_modules'));
  const ava = { files: ['*.test.js'], workerThreads: false, timeout };
  await writeFile(path.join(project, 'package.json'), JSON.stringify({ type: 'module', ava }));
  const text = `import test from 'ava';
test('passes', (t) => t.pass());
test('troubled', async (t) => { ${body} });`;
  await writeFile(path.join(project, 'one.test.js'), text);
  return execa('bash', [path.join(project, 'scripts/test.sh')], { reject: false, all: true });
}

/** Long enough, mostly, for the other's result to be told; nothing depends on it. */
const moment = 'await new Promise((resolve) => setTimeout(resolve, 300));';
const endless = 'await new Promise(() => setInterval(() => {}, 100));';

for (const [what, body, ending, named] of [
  ['passes', 't.pass();', '2 passed, 0 failed', /troubled/],
  ['fails', 't.fail();', '1 passed, 1 failed', /troubled/],
  ['ends its process', `${moment} process.exit(3);`, ' 1 failed', /one\.test\.js/],
  [
    'is killed',
    `${moment} process.kill(process.pid, 'SIGKILL');`,
    ' 1 failed',
    /one\.test\.js.*SIGKILL/,
  ],
] as const) {
  test.serial(`a test that ${what}`, async (t) => {
    const { exitCode, all } = await run(t, body, '10m');
    t.is(exitCode, what === 'passes' ? 0 : 1, all);
    t.true(all.endsWith(ending), all);
    t.regex(all, named);
  });
}

for (const [what, body, named] of [
  ['hangs', endless, /pending in one\.test\.js[^]*troubled/],
  ['has a limit', `t.timeout(100); ${endless}`, /troubled/],
] as const) {
  test.serial(`a test that ${what}`, async (t) => {
    // The runner's own limit may come before the other test's end, even before its start: then a longer one.
    for (let seconds = 3; ; seconds *= 2) {
      const { exitCode, all } = await run(t, body, `${seconds}s`);
      t.is(exitCode, 1, all);
      if (!all.includes('1 passed') && seconds < hangMs / 1000) continue;
      t.true(all.endsWith('1 passed, 1 failed'), all);
      t.regex(all, named);
      return;
    }
  });
}
