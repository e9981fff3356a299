/** The npm package: installed without a network, without a compiler, without another package. */

import path from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { scratchDirectory } from '../support/scratch.js';
import { type Ended, npmPackage, quiet, seedAndProve } from './support.js';

test('npm installs it offline, and it seeds and proves', async (t) => {
  const directory = await scratchDirectory(t);
  const prefix = path.join(directory, 'prefix');
  const words = ['install', '--offline', '--global', '--prefix', prefix, npmPackage];
  const bin = path.dirname(process.execPath);
  // No variables of the npm that runs these tests, and an empty cache.
  const env = { PATH: `${bin}:/usr/bin:/bin`, HOME: directory, LC_ALL: 'C.UTF-8' };
  const run = async (given: readonly string[]): Promise<Ended> => {
    const own = given.map((word) => word.replace(/^\/(?=[ab]\.img$)/, `${directory}/`));
    const ended = await execa('unshare', ['--net', ...own], { ...quiet, env });
    return ended;
  };
  const installed = await run([path.join(bin, 'npm'), ...words]);
  t.is(installed.exitCode, 0, installed.stderr);
  t.regex(installed.stdout, /added 1 package/);
  await seedAndProve(t, { directory, run }, (name) => path.join(prefix, 'bin', name));
});

test('the addon asks for nothing newer than glibc 2.31 and the C++ library of GCC 10', async (t) => {
  const directory = await scratchDirectory(t);
  await execa('tar', ['-C', directory, '-xf', npmPackage]);
  const file = `package/native/prebuilds/linux-${process.arch}/fastsync.node`;
  const { stdout } = await execa('objdump', ['-T', path.join(directory, file)]);
  const asked = [...stdout.matchAll(/\((GLIBC|GLIBCXX)_([\d.]+)\)/g)].map(
    ([, library, version]) => [library, version?.split('.').map(Number)] as const,
  );
  t.true(asked.length > 10);
  for (const [library, [major = 0, minor = 0, patch = 0] = []] of asked) {
    const isOld = library === 'GLIBC' ? minor <= 31 : patch <= 28;
    t.true(isOld, `${library ?? ''} ${major}.${minor}.${patch}`);
  }
});
