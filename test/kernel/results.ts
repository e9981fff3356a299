/** What the tests in a guest came to, from the TAP that node's test runner writes there. */

export interface TestResult {
  readonly name: string;
  readonly passed: boolean;
  /** Whatever else is said of it. */
  readonly details: string;
}

/** Those that came to an end. A test that was left out has failed: all of them can run. */
export function resultsIn(tap: string): TestResult[] {
  const found = tap.matchAll(/^(ok|not ok) \d+ - (.*)\n((?: {2}.*\n)*)/gm);
  return [...found].map(([, word, name = '', details = '']) => ({
    name,
    passed: word === 'ok' && !/ # (SKIP|TODO)/i.test(name),
    details,
  }));
}

/** Seconds that the runner gives a test. */
export function secondsOf({ details }: TestResult): number {
  return Number(/^ {2}duration_ms: ([\d.]+)/m.exec(details)?.[1] ?? NaN) / 1000;
}
