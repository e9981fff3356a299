/**
 * A program that writes and fsyncs without pause, and logs on another file system each fsync that has
 * come back: `node durable-writer.js DIRECTORY LOG SEED`. It ends with its standard input.
 */

import { createHash } from 'node:crypto';
import { appendFileSync, closeSync, fdatasyncSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { cellBytes, cellContent, cells, type DurableEntry, journalLine } from './durable-log.js';
import { randomFrom } from './random.js';

const [directory = '', log = '', seed = ''] = process.argv.slice(2);
const random = randomFrom(Number(seed));
const noise = Buffer.from(random.bytes(1 << 20));
const logFd = openSync(log, 'a');
const journalFd = openSync(path.join(directory, 'journal'), 'w');
const cellsFd = openSync(path.join(directory, 'cells'), 'w+');
const versions = new Uint32Array(cells);
/** The oldest go when there are too many. */
const mostFiles = 800;
let files = 0;
let records = 0;
let journalBytes = 0;

process.stdin.resume();
process.stdin.on('end', () => process.exit(0));

/** An entry is written after its fsync has come back: from this time on it is durable. */
function durable(entry: DurableEntry): void {
  appendFileSync(logFd, `${JSON.stringify({ ...entry, at: Date.now() })}\n`);
}

/** All of it: near the end of the room a single write may take a part. */
function write(fd: number, bytes: Buffer, at: number | null): void {
  for (let done = 0; done < bytes.length;) {
    done += writeSync(fd, bytes, done, bytes.length - done, at === null ? null : at + done);
  }
}

/** A new file, never touched again; half of them under a name that they get by a rename. */
function writeFile(): void {
  const at = random.between(0, 1 << 19);
  const bytes = noise.subarray(at, at + random.between(1, 60_000));
  const name = `file${files++}`;
  const isRenamed = random.next() < 0.5;
  const file = path.join(directory, isRenamed ? `${name}.new` : name);
  const fd = openSync(file, 'w');
  write(fd, bytes, null);
  fsyncSync(fd);
  closeSync(fd);
  if (isRenamed) {
    renameSync(file, path.join(directory, name));
    syncDirectory();
  }
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  durable({ kind: 'file', name, bytes: bytes.length, sha256 });
  if (files < mostFiles) return;
  const oldest = `file${files - mostFiles}`;
  durable({ kind: 'doomed', name: oldest });
  rmSync(path.join(directory, oldest), { force: true });
}

function syncDirectory(): void {
  const fd = openSync(directory, 'r');
  fsyncSync(fd);
  closeSync(fd);
}

/** As a database's log: appended to, record by record. */
function appendRecord(): void {
  const line = Buffer.from(journalLine(records));
  write(journalFd, line, journalBytes);
  records++;
  journalBytes += line.length;
  fdatasyncSync(journalFd);
  durable({ kind: 'journal', records });
}

/** As a database's pages: overwritten where they are. */
function overwriteCell(): void {
  const cell = random.between(0, cells);
  const version = (versions[cell] ?? 0) + 1;
  versions[cell] = version;
  write(cellsFd, cellContent(cell, version), cell * cellBytes);
  fdatasyncSync(cellsFd);
  durable({ kind: 'cell', cell, version });
}

/** What nobody has been promised, so that blocks are freed and come back as something else. */
function churn(): void {
  const file = path.join(directory, `scratch${random.between(0, 20)}`);
  if (random.next() < 0.4) rmSync(file, { force: true });
  else appendFileSync(file, noise.subarray(0, random.between(1, 200_000)));
}

const actions = [writeFile, writeFile, appendRecord, overwriteCell, overwriteCell, churn];

function step(): void {
  try {
    random.pick(actions)();
  } catch (error) {
    // A full volume is no error of ours: then room is made.
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    for (let scratch = 0; scratch < 20; scratch++) {
      rmSync(path.join(directory, `scratch${scratch}`), { force: true });
    }
  }
  setImmediate(step);
}
step();
