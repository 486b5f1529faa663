/** Two minutes, in ticks: a dead disk is known to be one after the first. */
const SILENT_TICKS = 24;
const TICK_MS = 5000;

/** How long a stopped run waits for its plan. */
export interface Patience {
  /** Aborts once the plan has been listened to for two minutes and said nothing. */
  readonly over: AbortSignal;
  /** The plan has said something, and is listened to no more. */
  heard(): void;
  listen(): void;
  close(): void;
}

/** Patience is limited once `stop` aborts. Listens from the beginning. */
export function createPatience(stop: AbortSignal): Patience {
  const over = new AbortController();
  let isListening = true;
  let ticks = 0;
  let timer: NodeJS.Timeout | undefined;
  function begin(): void {
    timer = setInterval(() => {
      if (isListening) ticks += 1;
      if (ticks >= SILENT_TICKS) over.abort(new Error('the plan says nothing'));
    }, TICK_MS);
  }
  if (stop.aborted) begin();
  else stop.addEventListener('abort', begin, { once: true });
  return {
    over: over.signal,
    heard() {
      isListening = false;
      ticks = 0;
    },
    listen() {
      isListening = true;
    },
    close() {
      stop.removeEventListener('abort', begin);
      clearInterval(timer);
    },
  };
}
