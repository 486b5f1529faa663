#!/usr/bin/env node
import { compile, run } from './program.js';

run(compile());
