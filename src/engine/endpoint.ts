/** Where the sides of a job are, described for native code, which opens them on the job's own thread. */

import { nameOfDescriptor } from '../descriptors.js';
import { addon } from './addon.js';
import type { DescriptorEndpoint, EndpointDescription } from './types.js';
import { descriptor } from './validate.js';

/** The file or device behind an open descriptor, as a side of a job. */
export function descriptorEndpoint(fd: number): DescriptorEndpoint {
  return { kind: 'descriptor', fd };
}

/** How many bytes the endpoint holds; `role` is what an error calls it. */
export function sizeOfEndpoint(role: string, endpoint: EndpointDescription): number {
  if (endpoint.kind === 'peer') return endpoint.sizeBytes;
  const { fd } = endpoint;
  return addon().deviceInfo(descriptor(`the descriptor of ${role}`, fd)).sizeBytes;
}

/** What messages call the endpoint, if it has a name. */
export function nameOfEndpoint(endpoint: EndpointDescription): string | undefined {
  return endpoint.kind === 'peer' ? endpoint.name : nameOfDescriptor(endpoint.fd);
}
