import type { Job } from '../core/model.js';
import type { Ports } from './ports.js';

/** What people should know about a job. */
export function warn(ports: Ports, job: Job, message: string): void {
  ports.emit({ type: 'warning', message: `${job.media.path}: ${message}` });
}

/** What explains a decision, or a wait; shown with -v. */
export function note(ports: Ports, job: Job, message: string): void {
  ports.emit({ type: 'note', message: `${job.media.path}: ${message}` });
}
