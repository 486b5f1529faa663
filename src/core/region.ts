/** How the name of a region is written; the rule follows "must be". */
export const REGION = {
  pattern: /^[a-z\d]+(-[a-z\d]+)*$/,
  rule: 'the name of a region, such as ap-guangzhou',
} as const;
