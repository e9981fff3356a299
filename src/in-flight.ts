/**
 * The requests in flight, by the name of what they go to: volumes, journals, files
 * of our own. A disk or a server that answers nobody shows here, and what waits for it can be told to
 * fail. As with descriptors.ts, there is one account for the whole process.
 */

/** Handed to the kernel, and come back, since the process began. */
export interface Requests {
  readonly submitted: number;
  readonly completed: number;
}

export type NamedRequests = Requests & { readonly name: string };

/** Somebody who waits. */
interface Waiter {
  readonly names: readonly string[];
  /** What is counted as long as he waits. */
  readonly requests: () => readonly NamedRequests[];
  readonly fail: (error: Error) => void;
}

const waiters = new Set<Waiter>();
/** Of those who wait no longer. */
const earlier = new Map<string, Requests>();
const lost = new Map<string, Error>();

/** Makes one request. Rejects at once where the name was given up, and as soon as it is. */
export function inFlight<T>(name: string, request: () => Promise<T>): Promise<T> {
  let completed = 0;
  return waiting({
    names: [name],
    requests: () => [{ name, submitted: 1, completed }],
    done: () =>
      request().finally(() => {
        completed = 1;
      }),
  });
}

/** Work of many requests, made to `names`; `requests` counts them. Rejects as inFlight() does. */
export async function waiting<T>({
  names,
  requests,
  done,
}: Pick<Waiter, 'names' | 'requests'> & { readonly done: () => Promise<T> }): Promise<T> {
  for (const name of names) {
    const error = lost.get(name);
    if (error !== undefined) throw error;
  }
  let waiter: Waiter | undefined;
  const failing = new Promise<never>((_, fail) => {
    waiter = { names, requests, fail };
    waiters.add(waiter);
  });
  try {
    return await Promise.race([done(), failing]);
  } finally {
    if (waiter !== undefined) waiters.delete(waiter);
    for (const { name, submitted } of requests())
      count(earlier, { name, submitted, completed: submitted });
  }
}

/** What was submitted to each name, and what of it has completed. */
export function requestsInFlight(): ReadonlyMap<string, Requests> {
  const sums = new Map(earlier);
  for (const { requests } of waiters) for (const one of requests()) count(sums, one);
  return sums;
}

/** Whoever waits for that name, or asks it from now on, fails with this error. */
export function giveUp(name: string, error: Error): void {
  lost.set(name, error);
  for (const { names, fail } of waiters) if (names.includes(name)) fail(error);
}

export function isGivenUp(name: string): boolean {
  return lost.has(name);
}

function count(sums: Map<string, Requests>, { name, submitted, completed }: NamedRequests): void {
  const { submitted: before, completed: ofThem } = sums.get(name) ?? { submitted: 0, completed: 0 };
  sums.set(name, { submitted: before + submitted, completed: ofThem + completed });
}
