/** The protocol between two hosts: docs/protocol.md. */

export { bannerLine, protocolVersions } from './banner.js';
export { type Channel, DescriptorChannel, streamChannel } from './channel.js';
export { linkLost, protocolBroken } from './errors.js';
export { Link, type Message } from './link.js';
