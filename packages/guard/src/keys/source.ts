import type { KeyObject } from 'node:crypto'
import type { Algorithm } from '../algorithms.ts'

/** A key that may sign tokens, and whose tokens it may sign. */
export interface VerificationKey {
  readonly key: KeyObject
  /** The one algorithm that the key is for, if its owner says so (RFC 7517 §4.4). */
  readonly algorithm?: Algorithm | undefined
  /** The issuer whose tokens the key signs, exact or with `{tenantid}`; absent, it signs for the issuer it was found with (wire.md §7). */
  readonly issuer?: string | undefined
}

/** Where the guard looks up the key that a token names by `kid`. */
export interface KeySource {
  /**
   * Finds a key. It is asked for every token, remembered ones too: a key that is no longer found ends its tokens.
   *
   * @param tenantId the tenant that the token names: one of those that are let in.
   */
  find(kid: string, tenantId: string): VerificationKey | undefined | Promise<VerificationKey | undefined>
}
