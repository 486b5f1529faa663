/** The account that every client is given; the sink believes anything. */
export const BUCKET = 'bench-1250000000';
export const REGION = 'ap-guangzhou';
export const SECRET_ID = 'AKIDbench';
export const SECRET_KEY = 'bench';
