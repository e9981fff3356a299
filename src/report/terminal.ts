/** A progress bar on stderr while a run works, with lasting lines above it. */

import cliProgress from 'cli-progress';
import type { Reporter, StatusEvent } from './events.js';
import { type TextSinks, rangeLimit, writeLasting } from './plain.js';
import { formatBytes, formatDuration, formatPercent, formatRate } from './units.js';

/** A reporter for a terminal on stderr. */
export function terminalReporter(sinks: TextSinks & { stderr: NodeJS.WriteStream }): Reporter {
  let bar: cliProgress.SingleBar | undefined;
  let phase = '';
  const stop = () => {
    bar?.stop();
    bar = undefined;
  };
  const isOneTooMany = rangeLimit(sinks);
  return {
    report(event) {
      if (isOneTooMany(event)) return;
      if (event.type === 'status') {
        if (bar === undefined || event.phase !== phase) {
          stop();
          phase = event.phase;
          bar = newBar(sinks.stderr);
          bar.start(Math.max(1, event.totalBytes), 0, payloadOf(event, sinks.stderr));
        }
        bar.update(
          event.totalBytes === 0 ? 1 : event.completedBytes,
          payloadOf(event, sinks.stderr),
        );
      } else {
        stop();
        writeLasting(event, sinks);
      }
    },
  };
}

/** Narrower terminals get a shorter bar and only the changing figures. */
const wideColumns = 110;

function newBar(stream: NodeJS.WriteStream): cliProgress.SingleBar {
  return new cliProgress.SingleBar({
    stream,
    format: '{phase} {bar} {percent}  {done}  {rate}  {left}{notes}',
    barsize: (stream.columns || 80) < wideColumns ? 12 : 24,
    fps: 10,
    hideCursor: true,
    clearOnComplete: true,
    stopOnComplete: false,
    forceRedraw: true,
    gracefulExit: false,
    barCompleteChar: '█',
    barIncompleteChar: '░',
  });
}

function payloadOf(status: StatusEvent, stream: NodeJS.WriteStream) {
  const { bytesPerSecond, etaSeconds, skippedBytes, badBytes, differentBytes = 0 } = status;
  const isWide = (stream.columns || 80) >= wideColumns;
  const trouble = `${noted('unreadable', badBytes)}${noted('different', differentBytes)}`;
  return {
    phase: status.phase,
    percent: formatPercent(status.completedBytes, status.totalBytes),
    done: `${formatBytes(status.completedBytes)} of ${formatBytes(status.totalBytes)}`,
    rate: bytesPerSecond === null ? '' : formatRate(bytesPerSecond),
    left: etaSeconds === null ? '' : `${formatDuration(etaSeconds)} left`,
    // There is room for only one of them.
    notes: trouble === '' && isWide ? noted('skipped', skippedBytes) : trouble,
  };
}

function noted(what: string, bytes: number): string {
  return bytes > 0 ? `  ${what} ${formatBytes(bytes)}` : '';
}
