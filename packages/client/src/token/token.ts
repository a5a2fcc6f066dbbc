/** An access token and the two moments that matter. */
export interface Token {
  readonly accessToken: string
  /** After this the resource refuses it. */
  readonly expiresAtMs: number
  /** From here on a new one is asked for in the background. */
  readonly refreshAtMs: number
}

/** Anything that can return a token; behaviour is added by wrapping one in another. */
export interface TokenSource {
  /**
   * @param options.renew drops the cached token if it is still this one, as after a 401 from the API.
   */
  token(options?: { readonly renew?: string | undefined }): Promise<Token>
}
