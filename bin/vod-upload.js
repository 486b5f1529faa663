#!/usr/bin/env node
const { compile, run } = require('./program.js');

run(compile());
