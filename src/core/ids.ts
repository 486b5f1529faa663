declare const brand: unique symbol;

/** A string that the compiler keeps apart from every other kind of string. */
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** What ApplyUpload hands out and CommitUpload takes back: opaque, secret. */
export type SessionKey = Branded<'SessionKey'>;
/** Names one unfinished multipart upload of one object. */
export type UploadId = Branded<'UploadId'>;
/** As COS writes it, with its quotes. */
export type ETag = Branded<'ETag'>;
/** Decimal digits; exceeds 2^53, so never a number. */
export type FileId = Branded<'FileId'>;
/** Identity of a source: see `Job.id`. */
export type JobId = Branded<'JobId'>;
