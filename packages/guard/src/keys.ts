import type { KeyObject } from 'node:crypto'

/** A key that may sign tokens, and whose tokens it may sign. */
export interface VerificationKey {
  readonly key: KeyObject
}

/** Where the guard looks up the key that a token names by `kid`. */
export interface KeySource {
  find(kid: string): VerificationKey | undefined | Promise<VerificationKey | undefined>
}
