/** The file of the SDK that signs; the SDK declares its index alone. */
declare module 'cos-nodejs-sdk-v5/sdk/util.js' {
  import type COS from 'cos-nodejs-sdk-v5';
  const util: { readonly getAuth: typeof COS.getAuthorization };
  export default util;
}
