/** Online seeds under the programs of everyday: fio with checksums, a database, unpacking and compiling. */

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { endingWithUs } from '../support/lifetime.js';
import {
  checkCopy,
  onlineKindNames,
  onlineKinds,
  onlineSource,
  seedOnline,
} from '../support/online.js';
import { during } from '../support/until.js';

const mebibyte = 1024 ** 2;

/** Runs until it is stopped; what it says on standard output is logged outside of the source. */
function program(t: ExecutionContext, directory: string, log: string, script: string) {
  const child = execa(
    ...endingWithUs('bash', ['-euc', `cd "$1"; ${script}`, 'program', directory]),
    {
      detached: true,
      stdout: { file: log },
      reject: false,
    },
  );
  let isOver = false;
  const stop = async () => {
    if (child.pid !== undefined && !isOver) process.kill(-child.pid, 'SIGKILL');
    isOver = true;
    const { exitCode, stderr } = await child;
    if (exitCode !== undefined) throw new Error(`the program ended by itself: ${stderr}`);
  };
  t.teardown(() => stop().catch(() => undefined));
  return { child, stop };
}

interface Program {
  /** Before the load: what it needs. */
  readonly prepare?: string;
  readonly script: string;
  /** In the copy, with the last line that it had logged before the moment of the copy. */
  readonly check: string;
}

/** Lines are "MILLISECONDS WORDS", written when the words were durable. */
const now = `$(date +%s%3N)`;

const fioJob = '--name=load --filename=blocks --bs=4k --size=24m --verify=crc32c';

const programs: Readonly<Record<string, Program>> = {
  // Every block carries its own checksum, all the time.
  fio: {
    prepare: `fio ${fioJob} --rw=write --do_verify=0 --end_fsync=1 >/dev/null`,
    script: `echo "${now} 0"; fio ${fioJob} --rw=randwrite --do_verify=0 --direct=1 --thread --rate=8m --time_based --runtime=600 >/dev/null`,
    check: `fio ${fioJob} --rw=read --verify_fatal=1`,
  },
  sqlite: {
    prepare: `sqlite3 db 'pragma journal_mode=wal; create table t(id integer primary key, text)' >/dev/null`,
    script: `for ((i = 1; ; i++)); do
      sqlite3 db "pragma synchronous=full; insert into t values($i, hex(randomblob(2000)))" >/dev/null
      echo "${now} $i"
    done`,
    check: `[ "$(sqlite3 db 'pragma integrity_check')" = ok ]; [ "$(sqlite3 db 'select max(id) = count(*) and max(id) >= '$1' from t')" = 1 ]`,
  },
  // What was unpacked, compiled and synced before is there, whole, and runs.
  compiling: {
    prepare: `mkdir parts; for i in $(seq 40); do
      echo "int part$i(void) { return $i; }" >parts/part$i.c
    done
    echo 'int part7(void); int main(void) { return part7() - 7; }' >parts/main.c
    tar -cf parts.tar parts; sync -f .`,
    script: `for ((i = 1; ; i++)); do
      mkdir tree$i; tar -xf parts.tar -C tree$i; cc -o tree$i/program tree$i/parts/*.c
      [ $i -lt 4 ] || rm -rf tree$((i - 3))
      sync -f .; echo "${now} $i"
    done`,
    check: `[ "$1" = 0 ] || { diff -r parts tree$1/parts; ./tree$1/program; }`,
  },
};

for (const name of onlineKindNames) {
  test.serial(`${name}: fio, SQLite and a compiler at once`, async (t) => {
    const kind = { ...onlineKinds[name], sizeBytes: 384 * mebibyte };
    const source = await onlineSource(t, kind);
    const running = new Map<string, ReturnType<typeof program>>();
    for (const [what, { prepare, script }] of Object.entries(programs)) {
      const directory = path.join(source.directory, what);
      await execa('mkdir', [directory]);
      if (prepare !== undefined) await execa('bash', ['-euc', prepare], { cwd: directory });
      running.set(what, program(t, directory, path.join(source.scratch, what), script));
    }
    const logged = (what: string) => readFile(path.join(source.scratch, what), 'utf8');
    const database = running.get('sqlite')?.child ?? t.fail();
    await during(database, async () => (await logged('sqlite')).split('\n').length >= 5);
    const target = path.join(source.scratch, 'target.img');
    const { pointInTimeMs } = await seedOnline(source, target);
    for (const { stop } of running.values()) await stop();
    await source.unmount();
    const { lost } = await checkCopy(t, kind, target, async (copy) => {
      for (const [what, { check }] of Object.entries(programs)) {
        const last = (await logged(what))
          .split('\n')
          .map((line) => line.split(' '))
          .filter(([at, word]) => word !== undefined && Number(at) <= pointInTimeMs)
          .at(-1)?.[1];
        const result = await execa('bash', ['-euxc', check, 'check', last ?? '0'], {
          cwd: path.join(copy, what),
          reject: false,
          all: true,
        });
        t.is(result.exitCode, 0, `${what}: ${result.all}`);
        t.log(`${what}: ${last ?? 'nothing'} before the freeze`);
      }
      return { checked: 0, lost: [] };
    });
    t.deepEqual(lost, []);
  });
}
