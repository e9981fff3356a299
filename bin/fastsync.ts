#!/usr/bin/env node
import { fastsync } from '../src/cli/fastsync.js';

await fastsync(process.argv.slice(2));
