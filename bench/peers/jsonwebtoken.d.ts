/** What the bench uses of jsonwebtoken, which ships no types. */
declare module 'jsonwebtoken' {
  import type { KeyObject } from 'node:crypto'

  const jsonwebtoken: {
    verify(
      token: string,
      key: KeyObject,
      options: { readonly issuer: string; readonly audience: string; readonly algorithms: readonly string[] },
    ): object
  }
  export default jsonwebtoken
}
