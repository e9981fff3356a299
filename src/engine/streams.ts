/** Streams by their descriptors: what a session with another host is carried by. */

import { addon } from './addon.js';
import { descriptor } from './validate.js';

/** The two ends of a stream in both directions. Children get an end only where it is given to them. */
export function socketPair(): [number, number] {
  return addon().socketPair();
}

/** Another descriptor of the same file or stream, which its owner closes. */
export function duplicateDescriptor(fd: number): number {
  return addon().duplicateDescriptor(descriptor('fd', fd));
}
