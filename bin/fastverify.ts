#!/usr/bin/env node
// Everything else is loaded behind this: Node's own exit code for what it cannot load is 1, which means
// "different" here.
function beforeTheRun(): void {
  process.stderr.write('error: fastverify was interrupted before it started to work.\n');
  process.exit(5);
}
// A run takes its place: see src/cli/signals.ts.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, beforeTheRun);
import('../src/cli/guard.js').then(
  ({ guarded }) =>
    guarded('fastverify', async () => (await import('../src/cli/fastverify.js')).fastverify),
  (error: unknown) => {
    process.stderr.write(
      `error: fastverify cannot be loaded by Node ${process.version}: ${String(error)}. Reinstall it, with Node 20.19 or newer.\n`,
    );
    process.exitCode = 2;
  },
);
