/** The service's time as far as it is known, and by how much it is later than the local clock. */
export interface Moment {
  readonly now: Date;
  readonly offsetMs: number;
}

/** The same moment by the clock of this machine. */
export function localTime({ now, offsetMs }: Moment): Date {
  return new Date(now.getTime() - offsetMs);
}
