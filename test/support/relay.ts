/**
 * Stands in for ssh: runs the command here, and alters what passes by.
 *   node relay.js flip DIRECTION POSITION BIT COUNTS … COMMAND     one bit, at a byte of one direction
 *   node relay.js forge KIND AFTER … COMMAND                       an answer of the agent, checksum and all
 * COUNTS is a file that says afterwards how many bytes went in each direction.
 */

import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { blockFrame, type Forgery, forgeries } from './blocks.js';

const [mode = '', ...words] = process.argv.slice(2);
const command = process.argv.at(-1) ?? '';
const agent = spawn('sh', ['-c', command], { stdio: ['pipe', 'pipe', 'inherit'] });
const counts = { there: 0, back: 0 };

type Direction = keyof typeof counts;

/** What becomes of a chunk on its way. */
let alter: (chunk: Buffer, direction: Direction) => Buffer | null = (chunk) => chunk;

if (mode === 'flip') {
  const [wanted = '', position = '', bit = '', file = ''] = words;
  alter = (chunk, direction) => {
    const at = Number(position) - counts[direction];
    if (direction !== wanted || at < 0 || at >= chunk.length) return chunk;
    const altered = Buffer.from(chunk);
    altered.writeUInt8(altered.readUInt8(at) ^ (1 << Number(bit)), at);
    return altered;
  };
  process.on('exit', () => {
    writeFileSync(file, JSON.stringify(counts));
  });
}

if (mode === 'forge') {
  const [kind = '', after = ''] = words;
  // Words of a command line have no spaces.
  const forge = forgeries[kind.replaceAll('_', ' ') as Forgery];
  let seed: bigint | null = null;
  let held = Buffer.alloc(0);
  let answers = 0;
  let hasGreeted = false;
  let isOver = false;
  alter = (chunk, direction) => {
    if (direction === 'there') {
      // The first request of all has it.
      const found = /"seed":"([0-9a-f]{16})"/.exec(chunk.toString('latin1'));
      if (seed === null && found !== null) seed = BigInt(`0x${found[1] ?? ''}`);
      return chunk;
    }
    if (isOver) return null;
    held = Buffer.concat([held, chunk]);
    const out: Buffer[] = [];
    if (!hasGreeted) {
      const end = held.indexOf('\n') + 1;
      if (end === 0) return null;
      out.push(held.subarray(0, end));
      held = held.subarray(end);
      hasGreeted = true;
    }
    while (held.length >= 16 && held.length >= 16 + held.readUInt32LE(0)) {
      const frame = held.subarray(0, 16 + held.readUInt32LE(0));
      held = held.subarray(frame.length);
      const isIt = frame.readUInt8(4) === 4 && answers++ === Number(after);
      const forged = isIt ? forge(frame, (block) => blockFrame(block, seed ?? 0n)) : [frame];
      if (forged === null) {
        isOver = true;
        break;
      }
      out.push(...forged);
    }
    return Buffer.concat(out);
  };
}

function pass(
  from: NodeJS.ReadableStream,
  to: NodeJS.WritableStream & { destroyed?: boolean },
  direction: Direction,
): void {
  to.on('error', () => undefined);
  from.on('data', (chunk: Buffer) => {
    const altered = alter(chunk, direction);
    counts[direction] += chunk.length;
    if (altered !== null && !to.write(altered)) {
      from.pause();
      to.once('drain', () => from.resume());
    }
  });
  from.on('end', () => to.end());
}

pass(process.stdin, agent.stdin, 'there');
pass(agent.stdout, process.stdout, 'back');
agent.on('exit', (code) => {
  process.exitCode = code ?? 255;
  process.stdin.destroy();
});
