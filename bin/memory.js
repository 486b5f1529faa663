const { PerformanceObserver } = require('node:perf_hooks');
const v8 = require('node:v8');

/** What V8 begins with. */
const USUAL = { percent: 0, factor: 2 };
/** Half as much garbage as there is in use, and V8 collects it: a run of a million files stays small. */
const PERCENT = 50;
/** Bytes for each half of the place where new objects begin: V8 would take twice as many, and no run is faster. */
const NEW_OBJECTS = 8 * 1024 * 1024;

const bounds = { ...USUAL };

function apply({ percent, factor }) {
  v8.setFlagsFromString(`--heap-growing-percent=${percent}`);
  v8.setFlagsFromString(`--semi-space-growth-factor=${factor}`);
}

/** Has V8 collect garbage sooner than it would by itself. */
function boundMemory() {
  bounds.percent = PERCENT;
  apply(bounds);
  // V8 doubles that place while it grows. How large it may get is fixed at its start, whether it doubles is not.
  new PerformanceObserver(() => {
    const space = v8.getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
    if (!space) return;
    const size = space.space_used_size + space.space_available_size;
    bounds.factor = 2 * size > NEW_OBJECTS ? 1 : USUAL.factor;
    apply(bounds);
  }).observe({ entryTypes: ['gc'] });
}

/** Does what V8 does under its own flags alone: it takes no code cache that was made under others. */
function unbounded(work) {
  apply(USUAL);
  try {
    return work();
  } finally {
    apply(bounds);
  }
}

module.exports = { boundMemory, unbounded };
