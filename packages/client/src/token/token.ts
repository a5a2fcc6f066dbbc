import type { Ask } from './keeper.ts'
import type { AccessToken } from './slot.ts'

/** What the authority gave: an access token and the moments that matter. */
export interface Token {
  readonly accessToken: string
  /** After this the resource refuses it. */
  readonly expiresAtMs: number
  /** From here on a new one is asked for in the background. */
  readonly refreshAtMs: number
}

/** Where the call layer gets the tokens of one API. */
export interface TokenSource {
  token(ask?: Ask): Promise<AccessToken>
  /** The token to use after the API has refused `refused` with 401; the same one if it is as good as it gets. */
  tokenAfterRefusal(refused: string, ask?: Ask): Promise<AccessToken>
}
