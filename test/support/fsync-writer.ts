/**
 * A load that knows what it was promised: writes files, fsyncs each, and logs when the fsync returned.
 *   node fsync-writer.js DIRECTORY LOG SEED PAUSE_MS
 * Log lines: "+ NUMBER MS" when file NUMBER and its name were durable, "- NUMBER MS" before it is removed.
 */

import { closeSync, fsyncSync, openSync, unlinkSync, writeSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileContent, fileName } from './fsync-load.js';

const [directory = '', log = '', seed = '', pauseMs = ''] = process.argv.slice(2);
const keep = 300;

const out = openSync(log, 'a');
const parent = openSync(directory, 'r');
for (let number = 0; ; number++) {
  const file = openSync(path.join(directory, fileName(number)), 'w');
  const content = fileContent(Number(seed), number);
  if (writeSync(file, content) < content.length) throw new Error('the file system is full');
  fsyncSync(file);
  closeSync(file);
  fsyncSync(parent);
  writeSync(out, `+ ${number} ${Date.now()}\n`);
  // Most go again, so that it never fills up; what was promised of the others stands to the end.
  const old = number - keep;
  if (old >= 0 && old % 16 !== 0) {
    writeSync(out, `- ${old} ${Date.now()}\n`);
    unlinkSync(path.join(directory, fileName(old)));
  }
  await sleep(Number(pauseMs));
}
