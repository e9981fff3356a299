/** Lets only so many asynchronous jobs run at once: tests of one file all start together. */

/** A function that runs a job when fewer than `most` of its jobs are running. */
export function limited(most: number): <T>(job: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (job) => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    running++;
    try {
      return await job();
    } finally {
      running--;
      waiting.shift()?.();
    }
  };
}
