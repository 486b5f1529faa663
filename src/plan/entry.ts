import type { UploadFailure } from '../core/errors.js';
import type { ImageIndex } from './covers.js';
import type { Inspection } from './inspect.js';
import type { Row } from './job-row.js';
import { extensionOf, isImageType, isMediaType, isTemporaryName } from './media-types.js';

/** A path that may become a job. */
export interface Entry {
  /** For people and the manifest. */
  readonly path: string;
  readonly absolute: string;
  /** Whether somebody asked for this very path, as an argument or in a list. */
  readonly isNamed: boolean;
  /** What a job list says of it. */
  readonly row?: Row;
  /** Where it is known already. */
  readonly inspection?: Inspection;
  /** The images beside it, where they are known already. */
  readonly images?: ImageIndex;
  /** Why nothing at or below this path can be read. */
  readonly failure?: UploadFailure;
}

/** Whether a found name is worth a look: all else in a directory is passed over. */
export function isOfInterest(name: string): boolean {
  const extension = extensionOf(name);
  return isMediaType(extension) || isImageType(extension) || isTemporaryName(name);
}
