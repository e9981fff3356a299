/** The night: the command of the installed unit, over pairs that are well and pairs that are not. */

import { copyFile, mkdir, open, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { readHistory, readPicture } from '../../src/history/index.js';
import { fastsync, type JsonLine } from '../support/fastsync.js';
import { fillWithGarbage } from '../support/garbage.js';
import { fastverify, packageRoot } from '../support/manifests.js';
import { prometheusSamples } from '../support/prometheus.js';
import { scratchDirectory, sparseFile } from '../support/scratch.js';
import { execStartOf, runAsCron, runAsService } from '../support/systemd.js';

const fileBytes = 3 * 1024 ** 2;

interface Scene {
  readonly directory: string;
  readonly config: string;
  readonly state: string;
  readonly log: string;
  readonly metrics: string;
  readonly at: (name: string) => string;
  /** Where in bad.img a bit was flipped: in the contents of a file. */
  readonly flippedBytes: number;
  readonly writeConfig: (busyLimit: string) => Promise<void>;
}

async function scene(t: ExecutionContext): Promise<Scene> {
  const directory = path.join(await scratchDirectory(t), String.raw`tonight 50% "$HOME" it's`);
  await mkdir(directory);
  const at = (name: string) => path.join(directory, name);
  const source = await sparseFile(at('source.img'), 32 * 1024 ** 2);
  await execa('mkfs.ext4', ['-q', '-F', source]);
  await fillWithGarbage(await sparseFile(at('file'), fileBytes), fileBytes);
  await execa('debugfs', ['-w', '-R', 'write file file', 'source.img'], { cwd: directory });
  for (const name of ['good.img', 'bad.img', 'busy.img']) await copyFile(source, at(name));
  const { stdout } = await execa('debugfs', ['-R', 'blocks file', 'source.img'], {
    cwd: directory,
  });
  const { stdout: super_ } = await execa('dumpe2fs', ['-h', source]);
  const blockBytes = Number(/Block size:\s+(\d+)/.exec(super_)?.[1]);
  const flippedBytes = Number(stdout.trim().split(/\s+/)[40]) * blockBytes + 700;
  await flipBit(at('bad.img'), flippedBytes);
  const [state, log, metrics] = [at('state'), at('logs/log.jsonl'), at('fastverify.prom')];
  const config = at('fastsync.yaml');
  const writeConfig = (busyLimit: string) => {
    const pair = (name: string, dst: string) => ({ [name]: { src: source, dst } });
    const pairs = {
      ...pair('good', at('good.img')),
      ...pair('bad', at('bad.img')),
      ...pair('gone', at('gone.img')),
      busy: { src: source, dst: at('busy.img'), bwlimit: busyLimit, chunk: '64K', inFlight: '1M' },
    };
    // JSON is YAML.
    return writeFile(config, JSON.stringify({ stateDir: state, log, metrics, pairs }, null, 2));
  };
  await writeConfig('32K');
  return { directory, config, state, log, metrics, at, flippedBytes, writeConfig };
}

async function flipBit(file: string, offset: number): Promise<void> {
  await using handle = await open(file, 'r+');
  const byte = Buffer.alloc(1);
  await handle.read(byte, 0, 1, offset);
  byte[0] = (byte[0] ?? 0) ^ 0x10;
  await handle.write(byte, 0, 1, offset);
}

async function install(t: ExecutionContext, config: string, ...more: readonly string[]) {
  const units = await scratchDirectory(t);
  const words = ['cron', 'install', '--config', config, '--unit-dir', units, ...more];
  const { exitCode, stdout, stderr } = await fastsync(words);
  t.is(exitCode, 0, String(stderr));
  return { service: path.join(units, 'fastverify.service'), printed: String(stdout) };
}

async function logLines(file: string): Promise<JsonLine[]> {
  const text = await readFile(file, 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as JsonLine);
}

test.serial('a clean pair, a differing one, a missing device, a held lock', async (t) => {
  const { config, state, log, metrics, at, flippedBytes, writeConfig } = await scene(t);
  const { service } = await install(t, config, '--write', '--idle');
  const command = await execStartOf(service);
  const holder = fastverify(['--config', config, 'busy', '--json'], { buffer: false });
  t.teardown(() => holder.kill('SIGKILL'));
  await new Promise<void>((resolve) => {
    holder.stdout?.on('data', (data: Buffer) => {
      if (data.includes('"pair":"busy"')) resolve();
    });
  });

  const night = await runAsService(command);
  t.is(night.exitCode, 1, 'a difference is the worst of it');
  t.is(night.stderr, '');
  const paragraphs = night.stdout.split('\n\n').map((text) => text.trim());
  t.deepEqual(
    paragraphs.map((text) => text.split(':')[0]),
    ['bad', 'gone', 'busy'],
    night.stdout,
  );
  const [bad = '', gone = '', busy = ''] = paragraphs;
  const sectorBytes = Math.floor(flippedBytes / 512) * 512;
  t.true(bad.startsWith('bad: DIFFERENT: '), bad);
  t.regex(bad, new RegExp(`^  different at byte ${sectorBytes}, 512 bytes: .*data`, 'm'));
  t.regex(bad, /^ {2}Last success: never; this is the first check\.$/m);
  t.regex(bad, /^ {2}Oldest proof: a part was never proven\.$/m);
  t.true(gone.startsWith(`gone: NOT CHECKED: ${at('gone.img')} does not exist`), gone);
  t.true(busy.startsWith('busy: NOT CHECKED: '), busy);
  t.regex(busy, new RegExp(`process ${String(holder.pid)}\\b`));

  const lines = await logLines(log);
  t.deepEqual(
    lines.map(({ type, pair, outcome, exitCode }) => [type, pair, outcome, exitCode]),
    [
      ['summary', 'good', 'equal', 0],
      ['range', 'bad', undefined, undefined],
      ['summary', 'bad', 'different', 1],
      ['summary', 'gone', 'failed', 2],
      ['summary', 'busy', 'failed', 7],
    ],
  );
  t.like(lines[1], { start: sectorBytes, length: 512, answer: 'different' });
  const outcomes = async (pair: string) =>
    (await readHistory(state, pair)).map(({ outcome, exitCode }) => [outcome, exitCode]);
  t.deepEqual(await outcomes('good'), [['equal', 0]]);
  t.deepEqual(await outcomes('bad'), [['different', 1]]);
  t.deepEqual(await outcomes('gone'), [['failed', 2]]);
  t.deepEqual(await outcomes('busy'), [], 'who holds the lock will write it');
  const picture = await readPicture(state, 'bad');
  t.like(picture?.different[0], { start: sectorBytes, length: 512 });
  const samples = await prometheusSamples(metrics);
  const codes = samples.filter(({ name }) => name === 'fastverify_exit_code');
  t.deepEqual(
    codes.map(({ labels, value }) => [labels.pair, value]),
    [
      ['good', 0],
      ['bad', 1],
      ['gone', 2],
    ],
  );

  holder.kill('SIGTERM');
  t.is((await holder).exitCode, 5);
  t.deepEqual(await outcomes('busy'), [['interrupted', 5]]);

  // The next day: the mail's own commands, and the device is back.
  const look = /^ {2}Look closer: (.*)$/m.exec(bad)?.[1] ?? '';
  const repair = /^ {2}Repair: (.*)$/m.exec(bad)?.[1] ?? '';
  const day = await asTyped(t, look);
  t.is(day.exitCode, 1, day.stderr);
  t.true(day.stdout.includes(String(sectorBytes)), day.stdout);
  const repaired = await asTyped(t, repair);
  t.is(repaired.exitCode, 0, repaired.stderr);
  t.regex(repaired.stdout, /^bad: REPAIRED: /);
  await t.notThrowsAsync(execa('cmp', [at('source.img'), at('bad.img')]));
  await copyFile(at('source.img'), at('gone.img'));
  await writeConfig('1G');

  const next = await runAsService(command);
  t.is(next.exitCode, 0, next.stdout);
  t.is(`${next.stdout}${next.stderr}`, '', 'quiet when all is well');
  const { printed } = await install(t, config, '--dry-run', '--idle', '--random-delay', '1s');
  const line = printed.trimEnd().split('\n').at(-1) ?? '';
  t.true(line.startsWith('30 2 * * * sleep'), line);
  const byCron = await runAsCron(line);
  t.is(byCron.exitCode, 0, byCron.stdout);
  t.is(`${byCron.stdout}${byCron.stderr}`, '');
  t.deepEqual(await outcomes('good'), [
    ['equal', 0],
    ['equal', 0],
    ['equal', 0],
  ]);
});

/** Runs a line from the mail in a shell, where fastverify is in the path. */
async function asTyped(t: ExecutionContext, line: string) {
  const bin = await scratchDirectory(t);
  const program = path.join(packageRoot, 'dist/program/fastverify.mjs');
  const script = `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`;
  await writeFile(path.join(bin, 'fastverify'), script, { mode: 0o755 });
  return execa('/bin/sh', ['-c', line], {
    env: { PATH: `${bin}:${process.env.PATH ?? ''}` },
    reject: false,
    stdin: 'ignore',
  });
}
