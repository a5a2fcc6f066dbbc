import type { Authority } from '../authority/authority.ts'
import type { AccessToken } from '../token/slot.ts'
import type { GetTokenOptions } from '../token/tenant-tokens.ts'
import type { TokenSource } from '../token/token.ts'

/** What calls to web APIs need of whoever makes them: tokens, and a name for error messages. */
export interface Identity {
  /** The application (client) id, where it is known. */
  readonly clientId: string | undefined
  /** Where its tokens come from, where that is known. */
  readonly authority: Authority | undefined
  /**
   * Returns an access token for the scope, from memory while it lasts.
   *
   * @throws TomteError one of its subclasses; the class is the remedy.
   */
  getToken(scopes: string | readonly string[], options?: GetTokenOptions): Promise<AccessToken>
  /** Where the call layer gets the tokens of one scope. @throws ConfigurationError if the scope cannot be one. */
  tokenSource(scope: string): TokenSource
}
