#!/usr/bin/env node
import { fastverify } from '../src/cli/fastverify.js';

await fastverify(process.argv.slice(2));
